import pLimit from 'p-limit';
import type { Topology } from '../cluster/index.ts';
import type { Clock, Emit } from '../core/index.ts';
import { HOSTS_AT_ONCE } from '../host/index.ts';
import {
  consequencesOf,
  hostOfChange,
  makePlan,
  movedData,
  settledResources,
  wantedOn,
  wantedResources,
  type Change,
  type Consequence,
  type Declared,
  type Plan,
  type Wanted,
} from '../plan/index.ts';
import { aptManager, dockerEngine, lookAtResources, type Found, type Resource } from '../resources/index.ts';
import { formatHostRecord, hostRecordOf, SiteConflictError, type OwnedResource, type SiteRecord } from '../site/index.ts';
import type { Session } from './session.ts';
import { supplyOf } from './supply.ts';

export interface PlanOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Data of what is removed go, too. */
  readonly purge?: boolean;
  /** Hosts that are looked at at the same time; 32 when not given. */
  readonly hostsAtOnce?: number | undefined;
}

/** A run that is planned: what it would do, and all that is needed to do it. */
export interface PlannedRun {
  readonly session: Session;
  readonly declared: Declared;
  readonly wanted: Wanted;
  readonly plan: Plan;
  readonly consequences: readonly Consequence[];
  readonly purge: boolean;
  /** What must be known before the run is approved, beside changes and consequences; a line each. */
  readonly notes: readonly string[];
  /** What is ours on each host once the run has ended well, with the digests of what was made meanwhile. */
  readonly settled: () => Promise<ReadonlyMap<string, readonly OwnedResource[]>>;
  /** The same of one host, without asking for what the others want. */
  readonly settledOn: (host: string) => Promise<readonly OwnedResource[]>;
}

/** Plans a run for the cluster of a session, or for what is left of it (`topology`). Throws SiteConflictError for data that would move. */
export async function planRun(session: Session, options: PlanOptions, topology: Topology = session.topology): Promise<PlannedRun> {
  const { layout, keys, seed, record, forgotten } = session;
  const declared: Declared = {
    topology,
    supply: supplyOf(session, options.clock),
    observed: session.observed,
    seed: { name: seed.name, layout, keys },
    tools: { engine: dockerEngine, packages: aptManager },
  };
  const isLeft = topology.spec.nodes.length > 0;
  const want = async (): Promise<Wanted> => (isLeft ? wantedResources(declared) : { resources: [], uses: new Map(), releases: {} });
  const wanted = await want();
  const found = await lookAtHosts(session, declared, wanted.resources, options);
  const purge = options.purge === true;
  const plan = makePlan({
    declared,
    wanted,
    found,
    record,
    purge,
    forgotten,
    staleHosts: (changes) => staleHosts(session, changes, topology),
  });
  const conflicts = movedData(plan.changes);
  if (conflicts.length > 0) throw new SiteConflictError(conflicts);
  return {
    session,
    declared,
    wanted,
    plan,
    consequences: consequencesOf(plan.steps, topology),
    purge,
    notes: [],
    settled: async () => settledResources(withDigests(plan.changes, (await want()).resources)),
    settledOn: async (host) => {
      const changes = plan.changes.filter((change) => hostOfChange(change) === host);
      const resources = isLeft ? await wantedOn(declared, host) : [];
      return settledResources(withDigests(changes, resources)).get(host) ?? [];
    },
  };
}

/** Looks at everything that is wanted, many hosts at a time. */
async function lookAtHosts(
  session: Session,
  { tools }: Declared,
  resources: readonly Resource[],
  { clock, emit, signal, hostsAtOnce }: PlanOptions,
): Promise<ReadonlyMap<Resource, Found>> {
  const limit = pLimit(hostsAtOnce ?? HOSTS_AT_ONCE);
  const byHost = new Map<string, Resource[]>();
  for (const resource of resources) byHost.set(resource.host, [...(byHost.get(resource.host) ?? []), resource]);
  const looks = [...byHost].map(([name, own]) =>
    limit(async () => {
      const host = session.hosts.get(name);
      if (host === undefined) throw new Error(`host "${name}" is not connected`);
      return lookAtResources(host, own, { ...tools, clock, emit, signal });
    }),
  );
  return new Map((await Promise.all(looks)).flatMap((found) => [...found]));
}

/** What was made in a run has digests only after it. */
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

/** Hosts whose own record is not what it should be, although nothing else may change on them. */
function staleHosts({ hostRecords, record, topology: before }: Session, changes: readonly Change[], topology: Topology): readonly string[] {
  const settled = settledResources(changes);
  return [...settled].flatMap(([host, owned]) => {
    const kept = hostRecords.get(host);
    if (kept === undefined || record === undefined) return [host];
    const should = hostRecordOf(recordWith(record, host, owned, before), host);
    return should !== undefined && topology.spec.nodes.length > 0 && formatHostRecord(should) === formatHostRecord(kept) ? [] : [host];
  });
}

function recordWith(record: SiteRecord, host: string, owned: readonly OwnedResource[], { spec }: Topology): SiteRecord {
  const node = spec.nodes.find(({ name }) => name === host);
  const recorded = record.hosts[host];
  const address = node?.address ?? recorded?.address ?? '';
  const roles = node === undefined ? (recorded?.roles ?? []) : [...node.roles];
  return { ...record, hosts: { ...record.hosts, [host]: { ...recorded, address, roles, owned: [...owned] } } };
}
