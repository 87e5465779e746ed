import { randomBytes } from 'node:crypto';
import { closeBundles, type TrustFiles } from '../bundle/index.ts';
import { CaissonError, type Clock, type Emit } from '../core/index.ts';
import { removeLeftovers } from '../io/index.ts';
import { checkHosts, connectHosts, type ConnectedHosts, type ConnectHostsOptions } from '../preflight/index.ts';
import { REAL_MACHINES, seedLayout, type Machines } from '../site/index.ts';
import { agentStatuses } from './agent-statuses.ts';
import type { InstallContext } from './context.ts';
import { lookAtSteps, runSteps, type PlannedStep, type RunSummary } from './engine.ts';
import { takeInstallLock } from './install-lock.ts';
import { openJournal } from './journal.ts';
import { openRequest, type InstallRequest } from './open-request.ts';
import { planInstall } from './plan-install.ts';
import { openSecretStore } from './secret-store.ts';
import { openSiteAuthority } from './site-authority.ts';
import type { Step } from './step.ts';

export interface InstallOptions {
  /** Files of the bundle. */
  readonly bundlePaths: readonly string[];
  readonly clusterPath: string;
  /** Whose bundles may be installed, in place of what cluster.yaml says. */
  readonly trust?: TrustFiles | undefined;
  readonly connect: Omit<ConnectHostsOptions, 'signal'>;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** For tests. */
  readonly machines?: Machines;
}

/** Asked before anything is changed; false ends the install there. */
export type Approve = (steps: readonly Step[], context: InstallContext) => Promise<boolean>;

/** The very steps that an install would run. Changes nothing; throws what stands in the way, as an install would. */
export async function planOnly(options: InstallOptions): Promise<readonly PlannedStep[]> {
  return withContext(options, (context) => lookAtSteps(planInstall(context), options));
}

/**
 * Installs the declared cluster from the bundle, or goes on where an earlier run stopped. Looks at every host before it
 * changes any: throws HostsUnfitError with all findings. Throws StepsFailedError when steps failed, INSTALL_LOCKED when
 * another install runs, INTERRUPTED when it is not approved.
 */
export async function install(options: InstallOptions, approve: Approve): Promise<RunSummary> {
  const release = await takeInstallLock(layoutOf(options).lock);
  try {
    return await withContext(options, async (context) => {
      const steps = planInstall(context);
      if (!(await approve(steps, context))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was changed');
      return await runWithJournal(steps, context, options);
    });
  } finally {
    await release();
  }
}

async function runWithJournal(steps: readonly Step[], context: InstallContext, options: InstallOptions): Promise<RunSummary> {
  const { clock, emit, signal } = options;
  const { pki, depot, secrets, certificates } = context.seedLayout;
  // We hold the lock: nobody writes there but a run that was killed did.
  for (const directory of [pki, depot, secrets, certificates]) await removeLeftovers(directory);
  const journal = await openJournal(context.seedLayout.journal, { clock, run: randomBytes(6).toString('hex') });
  try {
    await journal.append({ event: 'run.started', bundle: context.bundle.bundleDigest, cluster: context.spec.name, steps: steps.length });
    try {
      const summary = await runSteps(steps, { journal, clock, emit, signal });
      await journal.append({ event: 'run.finished', outcome: 'done', changed: summary.changed });
      return summary;
    } catch (error) {
      await journal.append({ event: 'run.finished', outcome: signal.aborted ? 'interrupted' : 'failed' });
      throw error;
    }
  } finally {
    await journal.close();
  }
}

async function withContext<T>(options: InstallOptions, work: (context: InstallContext) => Promise<T>): Promise<T> {
  const request = await openRequest(options.bundlePaths, options.clusterPath, {
    stagedBundles: layoutOf(options).bundles,
    trust: options.trust,
    clock: options.clock,
  });
  try {
    const connected = await connectHosts(request.topology.spec, { ...options.connect, signal: options.signal }, options.machines);
    try {
      return await work(await contextOf(request, connected, options));
    } finally {
      await connected.close();
    }
  } finally {
    await closeBundles(request.bundles);
  }
}

async function contextOf(request: InstallRequest, connected: ConnectedHosts, options: InstallOptions): Promise<InstallContext> {
  const { topology, bundle, bundles } = request;
  const { spec, manifests } = topology;
  const layout = layoutOf(options);
  const { systems, architectures } = await checkHosts(request, connected, { ...options, hostsAtOnce: options.connect.hostsAtOnce });
  return {
    spec,
    manifests,
    topology,
    bundle,
    bundles,
    seed: connected.seed,
    hosts: connected.hosts,
    systems,
    architectures,
    seedLayout: layout,
    secrets: openSecretStore(layout.secrets),
    authority: openSiteAuthority({ pki: layout.pki, store: layout.certificates, name: spec.name, clock: options.clock }),
    agents: agentStatuses(options.clock),
    depot: { name: spec.depot.name, port: spec.depot.port, address: spec.depot.address ?? connected.seed.address },
    clock: options.clock,
  };
}

function layoutOf({ machines = REAL_MACHINES }: InstallOptions) {
  return seedLayout(machines.seedRoot);
}
