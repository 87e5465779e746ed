import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { LOCK_MEMBER } from '../bundle/index.ts';
import type { Clock, Emit } from '../core/index.ts';
import { keptValues, ownerOfSecret, type Topology } from '../cluster/index.ts';
import { DEFAULT_LIMITS, openJournal, runSteps, type RunSummary } from '../engine/index.ts';
import { HOSTS_AT_ONCE } from '../host/index.ts';
import type { ComponentAction } from '../manifests/index.ts';
import { ifPresent, removeLeftovers, removeLeftoversBelow } from '../io/index.ts';
import { claimedResources, type ClusterRegistry } from '../plan/index.ts';
import {
  KEPT_OPERATIONS,
  newSiteRecord,
  removeEarlierGenerations,
  SITE_AUTHORITY,
  type OwnedResource,
  type RecordedBundle,
  type RecordedHost,
  type RecordedOperation,
  type SiteRecord,
} from '../site/index.ts';
import { describeAcceptance } from './acceptance.ts';
import { bindSteps } from './apply/bind-steps.ts';
import { restartTimes } from './apply/restart-times.ts';
import type { RegistryOfRun, RunSite } from './apply/run-site.ts';
import { SiteWriter } from './apply/site-writer.ts';
import { standing } from './apply/standing.ts';
import type { RegistryContent, RegistryFiller, RegistryLogin } from './cluster-registry.ts';
import { changesNothing, type PlannedRun } from './planned-run.ts';
import type { Session } from './session.ts';
import { fixedSettings } from './site-conflicts.ts';

export interface RunPlanOptions {
  /** Name of the operation in the journal: install or reset. */
  readonly operation: string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Most hosts that are changed at the same time; 32 by default. */
  readonly hostsAtOnce?: number | undefined;
  /** Fills the registry of the cluster. A plan with such a step needs it. */
  readonly registryFiller?: RegistryFiller | undefined;
  /** Paths for the record of the run, of files that were made for it before its first change. */
  readonly prepared?: Pick<RecordedOperation, 'backup'> | undefined;
}

/**
 * Runs a plan: makes the keys of the site, writes into the record everything that the run is going to make, runs the
 * steps, and writes the result into the record. A run that is killed at any point is continued by the next one. Throws
 * StepsFailedError and the reason of the signal when it aborts.
 */
export async function runPlan(planned: PlannedRun, options: RunPlanOptions): Promise<RunSummary> {
  const { session, declared } = planned;
  const { clock, emit, signal } = options;
  const run = randomBytes(6).toString('hex');
  await makeKeys(planned);
  const site = new SiteWriter(session.store, session.record ?? newRecord(planned), session.revision);
  const found = await session.keys.found(authorityNames(session.topology));
  const isIdle = changesNothing(planned.plan);
  if (!isIdle)
    await site.update((record) =>
      claimed({ ...record, authorities: found.authorities, secrets: [...found.secrets] }, planned, {
        run,
        operation: options.operation,
        ...(declared.topology.spec.nodes.length === 0 ? {} : { bundle: bundleOf(session) }),
        started: clock.now().toISOString(),
        ...startsOf(planned),
        ...options.prepared,
      }),
    );
  const shared: RunSite = {
    declared,
    clock,
    agents: session.agents,
    restarts: restartTimes(),
    site,
    releases: planned.wanted.releases,
    inForce: (record) => ({ ...record, ...inForce(record, planned) }),
    settledOn: planned.settledOn,
    registry: registryOfRun(planned, options),
    purge: planned.purge,
    hostOf: (name) => {
      const host = session.hosts.get(name);
      if (host === undefined) throw new Error(`no host is connected for "${name}"`);
      return host;
    },
  };
  const end = async (
    outcome: RecordedOperation['outcome'],
    change: (record: SiteRecord) => SiteRecord = (record) => record,
  ): Promise<void> => {
    const ended = clock.now().toISOString();
    await site.update((record) => withOperation(change(record), run, { ended, outcome }));
  };
  const journal = await openJournal(session.layout.journal, { clock, run });
  try {
    const steps = bindSteps(planned.plan.steps, shared);
    const { bundleDigest } = session.request.bundle;
    const cluster = session.topology.spec.name;
    const accepted = describeAcceptance(session.request.accepted);
    await journal.append({
      event: 'run.started',
      operation: options.operation,
      bundle: bundleDigest,
      ...(accepted === undefined ? {} : { accepted }),
      cluster,
      steps: steps.length,
    });
    try {
      const summary = await runSteps(steps, {
        journal,
        clock,
        emit,
        signal,
        limits: { ...DEFAULT_LIMITS, hosts: options.hostsAtOnce ?? HOSTS_AT_ONCE },
      });
      const owned = await planned.settled();
      const after = (record: SiteRecord): SiteRecord => ({ ...settled(record, planned, owned), authorities: found.authorities });
      // A run that changed nothing does not write the record.
      if (!isIdle || !isDeepStrictEqual(after(site.record), site.record)) {
        await end('done', after);
      }
      await settleSecrets(planned);
      await journal.append({ event: 'run.finished', outcome: 'done', changed: summary.changed });
      if (declared.topology.spec.nodes.length === 0) await site.remove();
      return summary;
    } catch (error) {
      const outcome = signal.aborted ? 'interrupted' : 'failed';
      if (!isIdle) await end(outcome);
      await journal.append({ event: 'run.finished', outcome });
      throw error;
    }
  } finally {
    await journal.close();
  }
}

function registryOfRun(
  { session: { request, keys }, declared: { topology } }: PlannedRun,
  { registryFiller: filler, clock }: RunPlanOptions,
): RegistryOfRun | undefined {
  if (filler === undefined) return undefined;
  const { bundle } = request;
  const contentOf = async (registry: ClusterRegistry): Promise<RegistryContent> => {
    const authority = await (await keys.authority(SITE_AUTHORITY)).read();
    return { registry, bundle, authority, login: await loginOf(topology, keys), clock };
  };
  return {
    bundle: bundle.bundleDigest,
    isFilled: async (registry, context) => filler.isFilled(await contentOf(registry), context),
    fill: async (registry, context) => filler.fill(await contentOf(registry), context),
  };
}

/** The login with which the registry of the cluster is filled; undefined where the platform declares none. */
async function loginOf({ platform, components }: Topology, keys: Session['keys']): Promise<RegistryLogin | undefined> {
  const login = platform.registry?.login;
  if (login === undefined) return undefined;
  const secret = components.flatMap(({ secrets }) => secrets).find(({ name }) => name === login.secret);
  if (secret === undefined) throw new Error(`no component of the cluster has the secret "${login.secret}"`);
  return { username: login.user, password: await (await keys.secret(secret.name, secret.length)).read() };
}

function bundleOf({ request, online }: Session): RecordedBundle {
  const { manifest, bundleDigest } = request.bundle;
  const { name, version } = manifest;
  const { accepted } = request;
  const lock = request.bundle.entry(LOCK_MEMBER)?.digest;
  return {
    name,
    version,
    digest: bundleDigest,
    ...(online === undefined ? {} : { supply: 'online' as const, ...(lock === undefined ? {} : { lock }) }),
    ...(accepted === undefined ? {} : { accepted }),
  };
}

/** Placements whose after-healthy actions, or those for new work behind these, are in the plan. */
function startsOf({ plan }: PlannedRun): Pick<RecordedOperation, 'starts'> {
  const isOfStart = ({ at }: ComponentAction): boolean => ['after-healthy', 'cordon', 'uncordon'].includes(at);
  const starts = plan.steps.flatMap((step) => (step.type === 'action' && isOfStart(step.action) ? [step.placement.id] : []));
  return starts.length === 0 ? {} : { starts: [...new Set(starts)] };
}

/** Makes all authorities and secrets, before the record names them and before a host gets them. */
async function makeKeys({ session, declared }: PlannedRun): Promise<void> {
  const { layout, keys } = session;
  // This run holds the install lock, so temporary files there were left by a run that was killed.
  for (const directory of [layout.authorities, layout.pki, layout.depot, layout.secrets, layout.certificates])
    await removeLeftoversBelow(directory);
  const cluster = (await ifPresent(() => realpath(session.cluster.path))) ?? session.cluster.path;
  await removeLeftovers(dirname(cluster), basename(cluster));
  for (const name of authorityNames(session.topology)) await removeEarlierGenerations(layout, name);
  if (declared.topology.spec.nodes.length === 0) return;
  for (const name of authorityNames(declared.topology)) await (await keys.authority(name)).read();
  await (await keys.repositoryKey()).read();
  for (const { secrets } of declared.topology.components) {
    for (const { name, length } of secrets) await (await keys.secret(name, length)).read();
  }
}

/**
 * Forgets the old values of the secrets that this run changed. A change stays under way while the component that must take
 * it is on no host: its data still have the old value.
 */
async function settleSecrets({ session, declared, changedSecrets }: PlannedRun): Promise<void> {
  for (const name of changedSecrets) if (ownerOfSecret(declared.topology, name) !== undefined) await session.keys.settleSecret(name);
}

function authorityNames({ manifests }: Topology): readonly string[] {
  return [SITE_AUTHORITY, ...manifests.platform.authorities.map(({ name }) => name)];
}

function newRecord({ session }: PlannedRun): SiteRecord {
  return newSiteRecord({ id: randomBytes(16).toString('hex'), name: session.topology.spec.name, seed: session.seed.name });
}

/**
 * The record at the start of a run. It lists all resources of earlier runs and all that this run is going to make, so
 * that the next run can complete or remove what a killed run has made.
 */
function claimed(record: SiteRecord, planned: PlannedRun, operation: RecordedOperation): SiteRecord {
  const { topology } = planned.declared;
  const hosts = { ...record.hosts, ...recordedHosts(record, planned, claimedResources(planned.plan.changes)) };
  return {
    ...record,
    hosts,
    cluster: planned.session.cluster,
    settings: { ...fixedSettings(planned.session.topology), ...record.settings },
    placements: { ...record.placements, ...placementsAtStart(record, topology) },
    values: { ...record.values, ...keptValues(topology) },
    operations: [...record.operations, operation].slice(-KEPT_OPERATIONS),
  };
}

/** Hosts of single components and of new quorums. Members that join a quorum later are added by their gate. */
function placementsAtStart(record: SiteRecord, topology: Topology): SiteRecord['placements'] {
  return Object.fromEntries(
    topology.components.flatMap(({ name, placement }): [string, string[]][] => {
      const known = record.placements[name] ?? [];
      if (placement === 'every') return [];
      return placement === 'quorum' && known.length > 0 ? [[name, known]] : [[name, topology.hostsOf(name).map((node) => node.name)]];
    }),
  );
}

function recordedHosts(
  record: SiteRecord,
  { session, declared }: PlannedRun,
  owned: ReadonlyMap<string, readonly OwnedResource[]>,
): Readonly<Record<string, RecordedHost>> {
  const { nodes } = declared.topology.spec;
  return Object.fromEntries(
    [...owned].map(([name, list]): [string, RecordedHost] => {
      const node = nodes.find((one) => one.name === name);
      const before = record.hosts[name];
      const address = node?.address ?? before?.address ?? session.hosts.get(name)?.address ?? '';
      const ssh = node === undefined ? before?.ssh : node.ssh;
      const roles = node === undefined ? (before?.roles ?? []) : [...node.roles];
      const cordoned = before?.cordoned === undefined ? {} : { cordoned: before.cordoned };
      const down = before?.down === undefined ? {} : { down: before.down };
      const former = before?.former === undefined ? {} : { former: before.former };
      return [name, { address, roles, ...(ssh === undefined ? {} : { ssh }), ...cordoned, ...down, ...former, owned: [...list] }];
    }),
  );
}

/** The record after a run that succeeded. */
function settled(record: SiteRecord, planned: PlannedRun, owned: ReadonlyMap<string, readonly OwnedResource[]>): SiteRecord {
  const { session, declared } = planned;
  const { topology } = declared;
  const isNode = (host: string): boolean => topology.spec.nodes.some(({ name }) => name === host);
  const staying = new Set([...topology.spec.nodes.map(({ name }) => name), session.seed.name]);
  const hosts = Object.entries({ ...record.hosts, ...recordedHosts(record, planned, owned) }).filter(([name]) => staying.has(name));
  return {
    ...record,
    ...inForce(record, planned),
    cluster: session.cluster,
    ...standing(record, topology),
    hosts: Object.fromEntries(hosts.map(([name, host]) => [name, withoutEndedCordon(isNode(name) ? host : { ...host, roles: [] })])),
  };
}

/** The host without the note of a cordon that its start has ended. */
function withoutEndedCordon(host: RecordedHost): RecordedHost {
  if (host.cordoned?.untilStart !== true) return host;
  const { cordoned: _, ...free } = host;
  return free;
}

/** The part of the record that changes when the bundle of the run comes into force. */
function inForce(
  record: SiteRecord,
  { session, declared: { topology }, wanted }: PlannedRun,
): Pick<SiteRecord, 'bundle' | 'previous' | 'components' | 'actions'> {
  const bundle = bundleOf(session);
  const isSame = record.bundle?.digest === bundle.digest;
  const previous = isSame ? record.previous : record.bundle;
  return {
    bundle,
    ...(previous === undefined ? {} : { previous }),
    components: Object.fromEntries(Object.entries(wanted.releases).map(([name, release]) => [name, { release }])),
    // A before-upgrade action of another release is forgotten, so that it runs again on a return to that release.
    actions: record.actions.filter(
      ({ component, action, host, release }) =>
        (release === wanted.releases[component] || !isBeforeUpgrade(topology, component, action)) &&
        topology.hostsOf(component).length > 0 &&
        (host === undefined || topology.hostsOf(component).some(({ name }) => name === host)),
    ),
  };
}

function isBeforeUpgrade({ manifests }: Topology, component: string, action: string): boolean {
  return manifests.components.get(component)?.actions.find(({ name }) => name === action)?.at === 'before-upgrade';
}

function withOperation(record: SiteRecord, run: string, end: Pick<RecordedOperation, 'ended' | 'outcome'>): SiteRecord {
  return { ...record, operations: record.operations.map((operation) => (operation.run === run ? { ...operation, ...end } : operation)) };
}
