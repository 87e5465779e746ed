import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import { closeBundles, type TrustFiles } from '../bundle/index.ts';
import type { ClusterSpec, NodeSpec, Topology } from '../cluster/index.ts';
import { hasCode, type Clock, type Digest, type Emit } from '../core/index.ts';
import { HOSTS_AT_ONCE, readRemoteFile, type Host } from '../host/index.ts';
import { locateFile, type ConnectOptions } from '../ssh/index.ts';
import { readSecretFile, readTextFile } from '../io/index.ts';
import { checkHosts, connectHosts, HostsUnfitError, type ConnectedHosts, type HostFinding } from '../preflight/index.ts';
import {
  AGENT_UNIT,
  HOST_RECORD,
  openFileStore,
  openSiteKeys,
  operatorPaths,
  parseHostRecord,
  REAL_MACHINES,
  rebuildRecord,
  seedLayout,
  SITE_AUTHORITY,
  SiteConflictError,
  UNITS,
  type FoundHost,
  type HostRecord,
  type Machines,
  type PlannedGenerations,
  type RecordedBundle,
  type RecordedHost,
  type SeedKeys,
  type SecretChange,
  type SeedLayout,
  type SiteKeys,
  type SiteRecord,
  type SiteStore,
} from '../site/index.ts';
import type { Observed } from '../plan/index.ts';
import { isLogin, recordedFormat, siteToolsOf } from '../resources/index.ts';
import { acceptBundle, acceptOnline, type SaidOfBundle } from './acceptance.ts';
import { agentStatuses, type AgentStatuses } from './apply/agent-statuses.ts';
import { isBegun, onlineSession, openOnlineSource, type OnlineRequest, type OnlineSession, type OnlineSource } from './online-source.ts';
import { openRequest, type InstallRequest } from './open-request.ts';
import { bundleChange } from './bundle-change.ts';
import { filledDirectories } from './filled-directories.ts';
import { replacedHosts, withoutReplaced, type ReplacedHost } from './replaced-hosts.ts';
import { siteSources } from './site-sources.ts';
import { siteConflicts } from './site-conflicts.ts';
import { dataInTheWay, withoutMovedData } from './moved-components.ts';

export interface SessionOptions {
  /** Paths of the bundle and its bases. The installed bundle by default. */
  readonly bundlePaths?: readonly string[] | undefined;
  /** How the bundle is supplied: `offline` from files, or online from its lock. As the site is supplied by default. */
  readonly supply?: 'offline' | OnlineRequest | undefined;
  /** A bundle that the seed keeps, in the place of the installed one. */
  readonly kept?: RecordedBundle | undefined;
  /** Absolute path of cluster.yaml. The file of the last run by default. */
  readonly clusterPath?: string | undefined;
  /** Text that replaces the content of clusterPath, for a run that changes the file once it is approved. */
  readonly clusterText?: string | undefined;
  /** Signers whose bundles may be installed. Replaces `trust` of cluster.yaml. */
  readonly trust?: TrustFiles | undefined;
  /** Digest and other words of the operator on the bundle. */
  readonly said?: SaidOfBundle | undefined;
  readonly connect: Omit<ConnectOptions, 'signal' | 'directory'>;
  /** Certificates that are issued again, by the names that listCertificates gives them. */
  readonly renew?: readonly string[] | undefined;
  /** The phase of a rotation that the run is for. By default every run goes by what the seed has noted of its authorities. */
  readonly rotate?: PlannedGenerations | undefined;
  /** A change of a secret that is begun once it is approved. */
  readonly secretChange?: SecretChange | undefined;
  /** Hosts that leave the cluster and are not connected (--forget). */
  readonly forget?: readonly string[];
  /** Name of a component that cluster.yaml places on another host, where it begins without the data that it has. */
  readonly beginEmpty?: string | undefined;
  /** Most hosts that are connected and worked on at the same time; 32 by default. */
  readonly hostsAtOnce?: number | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Replaced in tests by simulated machines. */
  readonly machines?: Machines;
  /**
   * Where the record and the keys of the site lie, for a plan that is made before they are at their places. The places of the
   * seed by default.
   */
  readonly staged?: SeedLayout;
}

/** Result of all looks before a plan: the request, the site and its hosts. */
export interface Session {
  readonly request: InstallRequest;
  /** Set when the depot fetches the members of the bundle from upstream. */
  readonly online: OnlineSession | undefined;
  /** Absolute path of cluster.yaml, and the digest of the text that this run read. */
  readonly cluster: { readonly path: string; readonly digest: Digest };
  readonly topology: Topology;
  readonly layout: SeedLayout;
  readonly keys: SiteKeys;
  /** SHA-256 of the certificate of each authority that is there, by its name. */
  readonly authorities: SeedKeys['authorities'];
  readonly store: SiteStore;
  /** Record of the site; undefined for a new site. */
  readonly record: SiteRecord | undefined;
  /** Revision of the record in the store; undefined when the store has no record. */
  readonly revision: number | undefined;
  readonly seed: Host;
  /** All connected hosts by name: the nodes, nodes that leave, and the seed. */
  readonly hosts: ReadonlyMap<string, Host>;
  readonly hostRecords: ReadonlyMap<string, HostRecord>;
  /** Names of hosts that leave the cluster and are not connected. */
  readonly forgotten: ReadonlySet<string>;
  /** Nodes that are other machines than the recorded ones. `record` does not list the former machines. */
  readonly replaced: readonly ReplacedHost[];
  readonly observed: Observed;
  readonly agents: AgentStatuses;
}

/**
 * Opens the request, connects all hosts, checks them and passes the result to `work`. Changes nothing by itself. Throws
 * what siteSources, openRequest and acceptBundle throw, SiteConflictError with every reason why the site must not be changed in this
 * way, and HostsUnfitError with every finding of every host.
 */
export async function withSession<T>(
  options: SessionOptions,
  { isLast }: { readonly isLast?: boolean },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const layout = layoutOf(options);
  const store = openFileStore((options.staged ?? layout).record);
  const recorded = await store.read();
  const { bundlePaths, clusterPath, online: source } = await siteSources(options, recorded, layout);
  const request = await openRequest(bundlePaths, clusterPath, {
    opened: source !== undefined && bundlePaths.length === 0 ? await openOnlineSource(source) : undefined,
    clusterText: options.clusterText,
    stagedBundles: layout.bundles,
    trust: options.trust,
    accept: source === undefined ? acceptBundle(options.said ?? {}, recorded) : acceptOnline(recorded),
    clock: options.clock,
    home: options.connect.home,
    emit: options.emit,
  });
  try {
    const asked = new Set(options.forget ?? []);
    const connected = await connectAll(request, dirname(clusterPath), recorded, asked, options);
    const forgotten = new Set([...asked, ...connected.released]);
    try {
      return await work(
        await openSession({ request, source, clusterPath, store, recorded, connected, forgotten, layout, isLast }, options),
      );
    } finally {
      await connected.close();
    }
  } finally {
    await closeBundles(request.bundles);
  }
}

export function layoutOf({ machines = REAL_MACHINES }: { readonly machines?: Machines | undefined }): SeedLayout {
  return seedLayout(machines.seedRoot);
}

/**
 * Hosts that are in the record and not in cluster.yaml. A seed beside the cluster has no roles and stays; one that another
 * machine took the place of leaves.
 */
function leavingNodes(hosts: RecordedHosts, seed: string | undefined, nodes: readonly NodeSpec[]): readonly NodeSpec[] {
  return Object.entries(hosts).flatMap(([name, { address, roles, ssh }]) => {
    const isSeedBeside = roles.length === 0 && name === seed;
    if (isSeedBeside || nodes.some((node) => node.name === name)) return [];
    return [{ name, address, roles: [...roles], ...(ssh === undefined ? {} : { ssh }) }];
  });
}

type RecordedHosts = Readonly<Record<string, Pick<RecordedHost, 'address' | 'roles' | 'ssh'>>>;

/**
 * Returns how the site knows this machine when cluster.yaml does not name it: by the site record or, where that was lost, by the
 * record that the machine keeps as a host. A node that was taken out of the cluster stays the seed, under its name.
 */
async function recordedSeed(
  record: SiteRecord | undefined,
  spec: ClusterSpec,
  { machines = REAL_MACHINES, signal }: SessionOptions,
): Promise<RecordedHosts> {
  const kept = record === undefined ? await keptByThisMachine(spec, machines, signal) : undefined;
  const name = record?.seed ?? kept?.host ?? '';
  const host = record?.hosts[name] ?? kept;
  return host === undefined || spec.nodes.some((node) => node.name === name) ? {} : { [name]: host };
}

async function keptByThisMachine({ name, depot }: ClusterSpec, machines: Machines, signal: AbortSignal): Promise<HostRecord | undefined> {
  const machine = machines.openSeed({ name: depot.name, address: depot.address ?? '127.0.0.1' });
  const text = await readRemoteFile(machine, HOST_RECORD, { signal });
  const kept = text === undefined ? undefined : parseHostRecord(text);
  return kept?.site.name === name && kept.host === kept.site.seed ? kept : undefined;
}

async function connectAll(
  { spec }: InstallRequest,
  directory: string,
  record: SiteRecord | undefined,
  forgotten: ReadonlySet<string>,
  options: SessionOptions,
): Promise<ConnectedHosts & { readonly released: readonly string[] }> {
  const { signal, hostsAtOnce } = options;
  const own = await recordedSeed(record, spec, options);
  const leaving = leavingNodes(record?.hosts ?? own, record?.seed ?? Object.keys(own)[0], spec.nodes).filter(
    ({ name }) => !forgotten.has(name),
  );
  const all = { ...spec, nodes: [...spec.nodes, ...leaving] };
  const [beside] = Object.entries(own).map(([name, { address }]) => ({ name, address }));
  const connected = await connectHosts(all, { ...options.connect, directory, signal, hostsAtOnce, beside }, options.machines);
  const isLeaving = (name: string): boolean => leaving.some((node) => node.name === name);
  // An earlier run took everything from such a host, the login of the seed included, and was killed before the record said so.
  const isReleased = ({ host }: HostFinding): boolean => isLeaving(host) && (record?.hosts[host]?.owned ?? []).every(isLogin);
  const released = connected.findings.filter(isReleased).map(({ host }) => host);
  const others = connected.findings.filter((finding) => !isReleased(finding));
  const findings = others.map((finding): HostFinding =>
    isLeaving(finding.host)
      ? {
          ...finding,
          problem: `it leaves the cluster, and it cannot be reached: ${finding.problem}`,
          remedy: `Bring it up, so that what runs there is removed; where it is lost for good, add --forget ${finding.host}`,
        }
      : finding,
  );
  return { ...connected, findings, released };
}

interface Parts {
  readonly request: InstallRequest;
  readonly source: OnlineSource | undefined;
  readonly clusterPath: string;
  readonly store: SiteStore;
  readonly recorded: SiteRecord | undefined;
  readonly connected: ConnectedHosts;
  readonly forgotten: ReadonlySet<string>;
  readonly layout: SeedLayout;
  /** True for a run after which the site is gone. */
  readonly isLast: boolean | undefined;
}

async function openSession(parts: Parts, options: SessionOptions): Promise<Session> {
  const { request, source, clusterPath, store, recorded, connected, forgotten, layout } = parts;
  const { spec, manifests } = request;
  const { signal } = options;
  const online = source === undefined ? undefined : await onlineSession(source, { seed: connected.seed, layout, signal });
  const keys = openSiteKeys(options.staged ?? layout, {
    name: spec.name,
    clock: options.clock,
    renew: options.renew,
    rotate: options.rotate,
    secretChange: options.secretChange,
    resolvePath: (path) => locateFile(path, { home: options.connect.home, directory: dirname(clusterPath) }),
  });
  const hosts = new Map([...connected.hosts, [connected.seed.name, connected.seed]]);
  const found = await findHosts(hosts, options);
  const declared = [SITE_AUTHORITY, ...manifests.platform.authorities.map(({ name }) => name)];
  // An authority that the platform has no more is still in the record, and not lost.
  const own = await keys.found([...new Set([...declared, ...Object.keys(recorded?.authorities ?? {})])]);
  const known = recorded ?? rebuildRecord(found, own);
  if (recorded === undefined && known !== undefined) {
    options.emit({
      type: 'warning',
      message: `The record of site "${known.name}" was lost; it is made again from what its hosts keep. They do not know which of them were cordoned or down: the platform keeps such a cordon until caisson node uncordon NAME, and what was stopped starts`,
    });
  }
  const isQuorum = (component: string): boolean => manifests.components.get(component)?.placement === 'quorum';
  const replaced = parts.isLast === true ? [] : replacedHosts(known, found, spec.nodes, isQuorum);
  const record = known === undefined ? undefined : withoutReplaced(known, replaced);
  const topology = request.topology(record);
  const { beginEmpty } = options;
  const rotated = options.rotate?.authority;
  const inTheWay = record === undefined ? undefined : dataInTheWay(record, topology, beginEmpty);
  const there = hosts.get(inTheWay?.host ?? '');
  const conflicts = siteConflicts({
    topology,
    record,
    found,
    keys: own,
    seed: connected.seed.name,
    layout,
    isLast: parts.isLast,
    rotated,
    beginEmpty,
    filled: inTheWay === undefined || there === undefined ? [] : await filledDirectories(there, inTheWay.paths, signal),
  });
  if (conflicts.length > 0) throw new SiteConflictError(conflicts);
  for (const name of Object.keys(own.rotations).filter((one) => one !== rotated)) {
    const message = `The authority "${name}" is being replaced. This run leaves that where it is; it goes on with: caisson certificates rotate ${name}`;
    options.emit({ type: 'warning', message });
  }
  const begun = online !== undefined && (await isBegun(request.bundle, online.path)) ? online.path : undefined;
  const change = await bundleChange(record, { next: request.bundle.bundleDigest, begun, layout });
  // The depot asks for the room of a bundle that was begun when it opens it.
  const bundles = begun === undefined ? request.bundles : [];
  const { systems, architectures } = await checkHosts({ topology, bundle: request.bundle, bundles, change, record }, connected, {
    ...options,
    tools: siteToolsOf(topology.platform),
  });
  return {
    request,
    online,
    cluster: { path: clusterPath, digest: request.clusterDigest },
    topology,
    layout,
    keys,
    authorities: own.authorities,
    store,
    record: record === undefined ? undefined : withoutMovedData(record, topology, beginEmpty),
    revision: recorded?.revision,
    seed: connected.seed,
    hosts,
    hostRecords: new Map(found.flatMap(({ name, record: kept }): [string, HostRecord][] => (kept === undefined ? [] : [[name, kept]]))),
    forgotten,
    replaced,
    observed: { systems, architectures, leaving: recordedFormats(record, systems) },
    agents: agentStatuses({
      clock: options.clock,
      client: async () => ((options.machines ?? REAL_MACHINES).hasAgentPorts ? operatorCertificate(layout) : undefined),
    }),
  };
}

/** The formats of the packages of recorded hosts whose operating systems were not asked for. */
function recordedFormats(record: SiteRecord | undefined, asked: Observed['systems']): Observed['leaving'] {
  return new Map(
    Object.entries(record?.hosts ?? {}).flatMap(([name, { owned }]) => {
      const format = asked.has(name) ? undefined : recordedFormat(owned);
      return format === undefined ? [] : [[name, format] as const];
    }),
  );
}

/**
 * Reads the record that each host keeps, and looks whether Caisson's agent is installed there. Throws HostsUnfitError for a
 * record that cannot be parsed.
 */
export async function findHosts(
  hosts: ReadonlyMap<string, Host>,
  { signal, hostsAtOnce }: Pick<SessionOptions, 'signal' | 'hostsAtOnce'>,
): Promise<readonly FoundHost[]> {
  const limit = pLimit(hostsAtOnce ?? HOSTS_AT_ONCE);
  return Promise.all([...hosts].map(([name, host]) => limit(() => findHost(name, host, signal))));
}

async function findHost(name: string, host: Host, signal: AbortSignal): Promise<FoundHost> {
  const text = await readRemoteFile(host, HOST_RECORD, { signal });
  if (text === undefined) {
    const { exitCode } = await host.run({ argv: ['test', '-e', join(UNITS, AGENT_UNIT)] }, { signal });
    return { name, record: undefined, hasAgent: exitCode === 0 };
  }
  return { name, record: understood(name, text), hasAgent: true };
}

/** Throws HostsUnfitError for a record that cannot be parsed, because the host may belong to another site. */
function understood(host: string, text: string): HostRecord {
  const record = parseHostRecord(text);
  if (record !== undefined) return record;
  throw new HostsUnfitError([
    {
      host,
      problem: `${HOST_RECORD} cannot be understood, so nobody can tell whose host it is`,
      remedy: `Put it back from a backup; where the host belongs to no cluster any more, remove the file`,
    },
  ]);
}

/** Reads the certificate with which agents are asked; undefined while the seed has none. */
export async function operatorCertificate(layout: SeedLayout) {
  const paths = operatorPaths(layout);
  try {
    const [certificate, key, authority] = await Promise.all([
      readTextFile(paths.certificate),
      readSecretFile(paths.key),
      readTextFile(paths.authority),
    ]);
    return { certificate, key, authority };
  } catch (error) {
    // The first install makes these files. Until then, agents are asked through the executable on their hosts.
    if (hasCode(error, 'INPUT_UNREADABLE')) return undefined;
    throw error;
  }
}
