import type { NodeSpec } from '../cluster/index.ts';
import { isStarted } from '../plan/index.ts';
import type { FoundHost, RecordedHost, SiteConflict, SiteRecord } from '../site/index.ts';

/** A node whose name another machine has now. The recorded resources are those of the former machine. */
export interface ReplacedHost {
  readonly name: string;
  /** Recorded address of the former machine. */
  readonly from: string;
  readonly to: string;
  /** Components that stood on the former machine alone, with their data. */
  readonly alone: readonly string[];
  /** Quorum components whose other members still count a former machine of this name, each with the address of that machine. */
  readonly members: NonNullable<RecordedHost['former']>;
  /** Set when the platform keeps new work away from the name: the former machine was cordoned, by itself or to go down. */
  readonly cordoned?: NonNullable<RecordedHost['cordoned']>;
  /** Directories with data on the former machine, each with its component. */
  readonly data: readonly { readonly owner: string; readonly path: string }[];
}

/**
 * Finds nodes at another address than the recorded one, where the machine keeps no record of the site. A machine that was
 * only given another address keeps its record. `isQuorum` says which components have members that vote.
 */
export function replacedHosts(
  record: SiteRecord | undefined,
  found: readonly FoundHost[],
  nodes: readonly NodeSpec[],
  isQuorum: (component: string) => boolean,
): readonly ReplacedHost[] {
  if (record === undefined) return [];
  return nodes.flatMap(({ name, address }): readonly ReplacedHost[] => {
    const before = record.hosts[name];
    const isFresh = found.some((host) => host.name === name && host.record === undefined && !host.hasAgent);
    if (before === undefined || before.address === address || !isFresh || name === record.seed) return [];
    const placed = Object.entries(record.placements).filter(([, hosts]) => hosts.includes(name));
    const data = before.owned.flatMap(({ owner, key, data: isData }) => (isData === true ? [{ owner, path: key }] : []));
    const members = Object.entries(record.placements).flatMap(([component, hosts]) => {
      const isAmongOthers = isQuorum(component) && hosts.some((host) => host !== name);
      // A host that was joining is in no placement yet, and the members may count it. It joins after the machine before it left.
      const isPending = before.former?.some((one) => one.component === component) === true;
      const isCounted = hosts.includes(name) || (!isPending && isStarted(record, component, name));
      return isAmongOthers && isCounted ? [{ component, address: before.address }] : [];
    });
    const hasData = (component: string): boolean => data.some(({ owner }) => owner === component);
    return [
      {
        name,
        from: before.address,
        to: address,
        alone: placed.flatMap(([component, { length }]) => (length === 1 && hasData(component) ? [component] : [])),
        members: [...(before.former ?? []), ...members],
        ...cordonOf(before),
        data,
      },
    ];
  });
}

function cordonOf({ cordoned, down }: RecordedHost): Pick<ReplacedHost, 'cordoned'> {
  if (cordoned !== undefined) return { cordoned };
  return down?.cordoned === true ? { cordoned: { since: down.since, by: down.by, untilStart: true } } : {};
}

/**
 * Returns the record without the former machines, but for the note of those that members of a quorum still count, and for their
 * cordons, which the platform keeps by name. The new machine is a member of no quorum that has others. Components that stood
 * on one alone stay placed there, by name, and begin anew: actions that ran once for their data run again.
 */
export function withoutReplaced(record: SiteRecord, replaced: readonly ReplacedHost[]): SiteRecord {
  if (replaced.length === 0) return record;
  const isGone = (host: string | undefined): boolean => replaced.some(({ name }) => name === host);
  const isAnew = (component: string): boolean => (record.placements[component] ?? []).every(isGone) && component in record.placements;
  const staying = Object.entries(record.hosts).filter(([name]) => !isGone(name));
  const counted = replaced.filter(({ members }) => members.length > 0);
  const noted = replaced.flatMap(({ name, to, members, cordoned }): [string, RecordedHost][] => {
    const notes = { ...(cordoned === undefined ? {} : { cordoned }), ...(members.length === 0 ? {} : { former: [...members] }) };
    return Object.keys(notes).length === 0 ? [] : [[name, { address: to, roles: [], ...notes, owned: [] }]];
  });
  const hasLeft = (component: string, host: string): boolean =>
    counted.some(({ name, members }) => name === host && members.some((one) => one.component === component));
  return {
    ...record,
    hosts: Object.fromEntries([...staying, ...noted]),
    placements: Object.fromEntries(
      Object.entries(record.placements).map(([component, hosts]) => [component, hosts.filter((host) => !hasLeft(component, host))]),
    ),
    joined: Object.fromEntries(
      Object.entries(record.joined)
        .map(([component, hosts]): [string, string[]] => [component, hosts.filter((host) => !isGone(host))])
        .filter(([, hosts]) => hosts.length > 0),
    ),
    values: Object.fromEntries(Object.entries(record.values).filter(([key]) => !isGone(key.split('/')[1]))),
    actions: record.actions.filter(({ component, host }) => !isGone(host) && !isAnew(component)),
  };
}

/** Lists why machines cannot be replaced: data that one alone had are given up with a purge only. */
export function replacementConflicts(replaced: readonly ReplacedHost[], purge: boolean): readonly SiteConflict[] {
  if (purge) return [];
  return replaced.flatMap(({ name, from, to, alone }) =>
    alone.map((component) => ({
      where: name,
      problem: `the machine at ${to} is another than that at ${from}, on which alone ${component} had its data; it would start empty`,
      remedy: `Bring the former machine back under its address; where it is lost for good, with its data, add --purge`,
    })),
  );
}

/** Lines for the plan that name the former machines, the data that are lost with them, and the cordons that are not. */
export function replacementNotes(replaced: readonly ReplacedHost[]): readonly string[] {
  return replaced.flatMap(({ name, from, to, data, cordoned }) => [
    `Another machine takes the place of ${name}: ${to} instead of ${from}, which is not asked and must not come back`,
    ...data.map(({ owner, path }) => `Is lost with the former machine of ${name}: the data of ${owner} in ${path}`),
    ...(cordoned === undefined || cordoned.untilStart === true
      ? []
      : [`${name} stays cordoned, as its former machine was, until: caisson node uncordon ${name}`]),
  ]);
}
