import pLimit from 'p-limit';
import { secretUses, type Topology } from '../cluster/index.ts';
import type { Clock, Emit } from '../core/index.ts';
import { HOSTS_AT_ONCE } from '../host/index.ts';
import {
  consequencesOf,
  hostOfChange,
  makePlan,
  movedData,
  settledResources,
  toolsOn,
  wantedOn,
  wantedResources,
  type Change,
  type Consequence,
  type Declared,
  type Plan,
  type Wanted,
} from '../plan/index.ts';
import { HostsUnfitError } from '../preflight/index.ts';
import { lookAtResources, siteToolsOf, type Found, type PackageSimulation, type Resource } from '../resources/index.ts';
import { formatHostRecord, hostRecordOf, SiteConflictError, type OwnedResource, type SiteRecord } from '../site/index.ts';
import { registryToFill } from './cluster-registry.ts';
import type { Session } from './session.ts';
import { packageSimulations, type SimulatedHost } from './simulate-packages.ts';
import { supplyOf } from './supply.ts';

export interface PlanOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** True when data of owners that go are removed, too. */
  readonly purge?: boolean;
  /** Most hosts that are looked at at the same time; 32 by default. */
  readonly hostsAtOnce?: number | undefined;
  /** True for a return to earlier releases, which runs no before-upgrade action. */
  readonly goesBack?: boolean | undefined;
  /** True when the run can fill the registry of the cluster. */
  readonly fills?: boolean;
}

/** A plan with everything that is needed to show it and to run it. */
export interface PlannedRun {
  readonly session: Session;
  readonly declared: Declared;
  readonly wanted: Wanted;
  readonly plan: Plan;
  readonly consequences: readonly Consequence[];
  readonly purge: boolean;
  /** The packages that the run brings to each host with their dependencies, by name of the host. */
  readonly packages: ReadonlyMap<string, PackageSimulation>;
  /** Lines that are shown with the plan, after changes and consequences. */
  readonly notes: readonly string[];
  /** Names of the secrets whose new values this run brings to their programs. */
  readonly changedSecrets: readonly string[];
  /**
   * Resources for the record after a run that succeeded, by host. Computed anew, because contents made by the run have
   * digests only then.
   */
  readonly settled: () => Promise<ReadonlyMap<string, readonly OwnedResource[]>>;
  /** The same for one host, without computing the resources of other hosts. */
  readonly settledOn: (host: string) => Promise<readonly OwnedResource[]>;
}

/**
 * Plans a run for the cluster of a session. `topology` replaces the cluster; a reset passes one without nodes. Throws
 * SiteConflictError when a component would start with an empty data directory, and HostsUnfitError when hosts cannot take the
 * packages of the bundle beside those that they have.
 */
export async function planRun(session: Session, options: PlanOptions, topology: Topology = session.topology): Promise<PlannedRun> {
  const { layout, keys, seed, record, forgotten } = session;
  const declared: Declared = {
    topology,
    supply: await supplyOf(session, options.clock),
    observed: session.observed,
    seed: { name: seed.name, layout, keys },
    tools: siteToolsOf(topology.platform),
  };
  const isLeft = topology.spec.nodes.length > 0;
  const want = async (): Promise<Wanted> => (isLeft ? wantedResources(declared) : { resources: [], uses: new Map(), releases: {} });
  const wanted = await want();
  const { found, simulated } = await lookAtHosts(session, declared, wanted.resources, options);
  const purge = options.purge === true;
  const changedSecrets = isLeft ? (await keys.secretChanges()).map(({ name }) => name) : [];
  refuseOtherBundle(session, changedSecrets);
  const plan = makePlan({
    declared,
    wanted,
    found,
    record,
    purge,
    forgotten,
    goesBack: options.goesBack,
    // A depot that fetches has the images only once they are asked for.
    registryToFill:
      options.fills === true && session.online === undefined
        ? registryToFill(topology, record, session.request.bundle.bundleDigest)
        : undefined,
    changedSecrets,
    staleHosts: (changes) => staleHosts(session, changes, topology),
  });
  const conflicts = movedData(plan.changes);
  if (conflicts.length > 0) throw new SiteConflictError(conflicts);
  const findings = [...simulated.values()].flatMap((one) => one.findings);
  if (findings.length > 0) throw new HostsUnfitError(findings);
  return {
    session,
    declared,
    wanted,
    plan,
    consequences: consequencesOf(plan.steps, topology),
    purge,
    packages: new Map([...simulated].map(([host, { simulation }]) => [host, simulation])),
    notes: changedSecrets.map((name) => describeSecret(name, topology)),
    changedSecrets,
    settled: async () => settledResources(withDigests(plan.changes, (await want()).resources)),
    settledOn: async (host) => {
      const changes = plan.changes.filter((change) => hostOfChange(change) === host);
      const resources = isLeft ? await wantedOn(declared, host) : [];
      return settledResources(withDigests(changes, resources)).get(host) ?? [];
    },
  };
}

/** True for a plan that only looks whether everything is well. */
export function changesNothing({ steps }: Plan): boolean {
  return steps.every(({ type }) => type === 'gate' || type === 'quorum' || type === 'depot');
}

/**
 * The programs that take a new value are those of the installed bundle: while a change is under way, no other bundle is
 * installed.
 */
function refuseOtherBundle({ record, request }: Session, changedSecrets: readonly string[]): void {
  const { bundle } = record ?? {};
  if (bundle === undefined || bundle.digest === request.bundle.bundleDigest || changedSecrets.length === 0) return;
  throw new SiteConflictError(
    changedSecrets.map((name) => ({
      where: `secret ${name}`,
      problem: `it is being changed with the installed bundle, ${bundle.name} ${bundle.version}, and the change has not ended`,
      remedy: `End it first: caisson secrets change ${name}; or take it back: caisson secrets change ${name} --undo`,
    })),
  );
}

function describeSecret(secret: string, topology: Topology): string {
  const users = secretUses(topology, secret).map(({ component, hosts }) => `${component.name} on ${hosts.join(', ')}`);
  return `The secret "${secret}" gets another value; it is used by ${users.length === 0 ? 'none' : users.join('; ')}`;
}

/**
 * Compares all wanted resources with their hosts, and asks each what installing its packages would do, many hosts at the same
 * time.
 */
async function lookAtHosts(
  session: Session,
  declared: Declared,
  resources: readonly Resource[],
  { clock, emit, signal, hostsAtOnce }: PlanOptions,
): Promise<{ readonly found: ReadonlyMap<Resource, Found>; readonly simulated: ReadonlyMap<string, SimulatedHost> }> {
  const limit = pLimit(hostsAtOnce ?? HOSTS_AT_ONCE);
  const byHost = new Map<string, Resource[]>();
  for (const resource of resources) byHost.set(resource.host, [...(byHost.get(resource.host) ?? []), resource]);
  const simulate = packageSimulations(session.request, declared, signal);
  const looks = [...byHost].map(([name, own]) =>
    limit(async () => {
      const host = session.hosts.get(name);
      if (host === undefined) throw new Error(`host "${name}" is not connected`);
      const found = await lookAtResources(host, own, { ...toolsOn(declared, name), clock, emit, signal });
      return { name, found, simulated: await simulate(host, found) };
    }),
  );
  const hosts = await Promise.all(looks);
  return {
    found: new Map(hosts.flatMap(({ found }) => [...found])),
    simulated: new Map(
      hosts.flatMap(({ name, simulated }): [string, SimulatedHost][] => (simulated === undefined ? [] : [[name, simulated]])),
    ),
  };
}

/** Adds the digests of contents that were made during the run. */
function withDigests(changes: readonly Change[], resources: readonly Resource[]): readonly Change[] {
  const known = new Map(resources.map((resource) => [`${resource.host} ${resource.kind} ${resource.key}`, resource.digest]));
  const digestOf = ({ host, kind, key }: Resource): Pick<OwnedResource, 'digest'> => {
    const digest = known.get(`${host} ${kind} ${key}`);
    return digest === undefined ? {} : { digest };
  };
  return changes.map((change): Change => {
    if (change.action === 'remove') return change;
    if (change.action === 'keep') {
      return change.owned === undefined || change.resource === undefined
        ? change
        : { ...change, owned: { ...change.owned, ...digestOf(change.resource) } };
    }
    return { ...change, owned: { ...change.owned, ...digestOf(change.resource) } };
  });
}

/** Hosts whose record differs from the one they should keep, even when nothing else changes there. */
function staleHosts(
  { hostRecords, record, authorities, topology: before }: Session,
  changes: readonly Change[],
  topology: Topology,
): readonly string[] {
  const settled = settledResources(changes);
  return [...settled].flatMap(([host, owned]) => {
    const kept = hostRecords.get(host);
    if (kept === undefined || record === undefined) return [host];
    const current = { ...record, authorities: { ...record.authorities, ...authorities } };
    const should = hostRecordOf(recordWith(current, host, owned, before), host);
    return should !== undefined && topology.spec.nodes.length > 0 && formatHostRecord(should) === formatHostRecord(kept) ? [] : [host];
  });
}

function recordWith(record: SiteRecord, host: string, owned: readonly OwnedResource[], { spec }: Topology): SiteRecord {
  const node = spec.nodes.find(({ name }) => name === host);
  const recorded = record.hosts[host];
  const address = node?.address ?? recorded?.address ?? '';
  // A machine that is no node any more keeps a record while it is the seed.
  const roles = [...(node?.roles ?? [])];
  return { ...record, hosts: { ...record.hosts, [host]: { ...recorded, address, roles, owned: [...owned] } } };
}
