import { dirname } from 'node:path';
import { closeBundles, type BundleReader } from '../../bundle/index.ts';
import type { NodeSpec, Placement, Topology } from '../../cluster/index.ts';
import { CaissonError, type Clock } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import type { ConnectOptions } from '../../ssh/index.ts';
import { isStarted } from '../../plan/index.ts';
import { connectHosts, HostsUnfitError, type HostFinding } from '../../preflight/index.ts';
import { siteToolsOf } from '../../resources/index.ts';
import {
  foreignHosts,
  otherSeeds,
  REAL_MACHINES,
  SiteConflictError,
  type Machines,
  type RecordedBundle,
  type SiteRecord,
} from '../../site/index.ts';
import type { ActionSite } from '../apply/action.ts';
import { agentStatuses } from '../apply/agent-statuses.ts';
import { openOnlineSource } from '../online-source.ts';
import { openRequest } from '../open-request.ts';
import { findHosts, layoutOf, operatorCertificate } from '../session.ts';
import { siteSources } from '../site-sources.ts';

export interface DataSessionOptions {
  /** Files of the bundle in force. The copy of the seed by default. */
  readonly bundlePaths?: readonly string[] | undefined;
  readonly clusterPath: string;
  readonly connect: Omit<ConnectOptions, 'signal' | 'directory'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly machines?: Machines | undefined;
}

/** The cluster as the bundle in force describes it. Hosts are connected by `connected` alone. */
export interface DataSession {
  readonly topology: Topology;
  readonly bundle: RecordedBundle;
  /** Every placement that the record says was started. */
  readonly running: readonly Placement[];
  /** Connects these hosts and passes them to `work`; those that cannot be reached are findings. */
  connected<T>(names: ReadonlySet<string>, work: (site: DataSite) => Promise<T>): Promise<T>;
}

/** Connected hosts of this site, and what actions on them need. */
export interface DataSite extends ActionSite {
  readonly hosts: ReadonlyMap<string, Host>;
  /** One finding for each host that is not connected. */
  readonly findings: readonly HostFinding[];
  /** True for a host that hostOf returns: one of `hosts`, or the seed. */
  isConnected(name: string): boolean;
}

/**
 * Opens the bundle in force and cluster.yaml for work on the data of components. Throws INPUT_UNREADABLE when the seed has no
 * copy of the bundle, USAGE when `bundlePaths` has another bundle, what openRequest throws, and from `connected`
 * SiteConflictError for a host of another site or seed.
 */
export async function withDataSession<T>(
  record: SiteRecord,
  bundle: RecordedBundle,
  options: DataSessionOptions,
  work: (session: DataSession) => Promise<T>,
): Promise<T> {
  const { clusterPath, connect, clock } = options;
  const layout = layoutOf({ machines: options.machines ?? REAL_MACHINES });
  // Of a bundle that is supplied online and not whole, all that is needed is there: the manifests.
  const { bundlePaths, online } =
    options.bundlePaths === undefined
      ? await siteSources({ kept: bundle, clusterPath }, record, layout)
      : { bundlePaths: options.bundlePaths, online: undefined };
  const request = await openRequest(bundlePaths, clusterPath, {
    opened: online !== undefined && bundlePaths.length === 0 ? await openOnlineSource(online) : undefined,
    stagedBundles: layout.bundles,
    clock,
    home: connect.home,
  });
  try {
    requireInForce(request.bundle, bundle);
    const topology = request.topology(record);
    return await work({
      topology,
      bundle,
      running: topology.placements.filter(({ component, host }) => isStarted(record, component.name, host.name)),
      connected: (names, inner) => withHosts(record, topology, names, options, inner),
    });
  } finally {
    await closeBundles(request.bundles);
  }
}

function requireInForce({ bundleDigest, manifest }: BundleReader, { name, version, digest }: RecordedBundle): void {
  if (bundleDigest === digest) return;
  throw new CaissonError('USAGE', `Cannot go by ${manifest.name} ${manifest.version}: the site has ${name} ${version} of another digest`, {
    hint: 'Name the files of the bundle that is installed',
  });
}

async function withHosts<T>(
  record: SiteRecord,
  topology: Topology,
  names: ReadonlySet<string>,
  { clusterPath, connect, clock, signal, machines = REAL_MACHINES }: DataSessionOptions,
  work: (site: DataSite) => Promise<T>,
): Promise<T> {
  const nodes: readonly NodeSpec[] = topology.spec.nodes.filter(({ name }) => names.has(name));
  const connected = await connectHosts(
    { ...topology.spec, nodes: [...nodes] },
    { ...connect, directory: dirname(clusterPath), signal },
    machines,
  );
  try {
    // A host without a record is refused, whether an agent is there or not.
    const found = (await findHosts(connected.hosts, { signal })).map((host) => ({ ...host, hasAgent: true }));
    const conflicts = [...foreignHosts(record, found), ...otherSeeds(record, found)];
    if (conflicts.length > 0) throw new SiteConflictError(conflicts);
    const layout = layoutOf({ machines });
    const { hosts, seed } = connected;
    const liveHost = (name: string): Host | undefined => hosts.get(name) ?? (name === seed.name ? seed : undefined);
    return await work({
      hosts: connected.hosts,
      // This machine is not judged as a seed: that one was installed.
      findings: connected.findings.filter(({ host }) => names.has(host)),
      declared: { topology, tools: siteToolsOf(topology.platform) },
      agents: agentStatuses({ clock, client: async () => (machines.hasAgentPorts ? operatorCertificate(layout) : undefined) }),
      isConnected: (name) => liveHost(name) !== undefined,
      hostOf: (name) => {
        const host = liveHost(name);
        if (host === undefined) throw new HostsUnfitError(connected.findings.filter((finding) => finding.host === name));
        return host;
      },
    });
  } finally {
    await connected.close();
  }
}
