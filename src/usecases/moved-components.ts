import type { MovedPlacement, Topology } from '../cluster/index.ts';
import type { SiteConflict, SiteRecord } from '../site/index.ts';

/** Directories with data of a component on a host, by the record. */
export function dataOf(record: SiteRecord, component: string, host: string): readonly string[] {
  const owned = record.hosts[host]?.owned ?? [];
  return owned.filter(({ owner, data }) => owner === component && data === true).map(({ key }) => key);
}

/** The host to which the component `beginEmpty` goes, and directories that had data of it there; the operator may have moved these aside. */
export function dataInTheWay(
  record: SiteRecord,
  { moved }: Topology,
  beginEmpty: string | undefined,
): { readonly host: string; readonly paths: readonly string[] } | undefined {
  const to = moved.find(({ component }) => component === beginEmpty)?.to;
  if (beginEmpty === undefined || to === undefined) return undefined;
  const left = (record.hosts[to]?.owned ?? []).filter(({ owner, data, kept }) => owner === beginEmpty && data === true && kept === true);
  return { host: to, paths: left.map(({ key }) => key) };
}

/**
 * Lists why single components cannot go to another host. Without data they can, where cluster.yaml says so; with data only as
 * `beginEmpty`, and to a host without data of theirs from before: `filled` are the directories of dataInTheWay that hold something.
 */
export function movedPlacements(
  record: SiteRecord,
  { moved, manifests }: Topology,
  { beginEmpty, filled = [] }: { readonly beginEmpty?: string | undefined; readonly filled?: readonly string[] | undefined },
): readonly SiteConflict[] {
  return moved.flatMap((one): readonly SiteConflict[] => {
    const { component, from, to, candidates } = one;
    if (to === undefined) {
      const [other = ''] = candidates;
      return [
        {
          where: 'cluster.yaml: nodes',
          problem: `"${component}" stands on "${from}" with its data, and would start empty on "${other}"`,
          remedy: `Keep "${from}" and its role; to move the component first: caisson component move ${component} --to ${other}`,
        },
      ];
    }
    const data = dataOf(record, component, from);
    if (data.length === 0) return [];
    if (beginEmpty !== component) return [withData({ component, from, to }, data, hasBackup(component, manifests))];
    return filled.map((key) => ({
      where: to,
      problem: `${key} has data of "${component}" from before, so it would not begin empty there`,
      remedy: `Move that directory aside on "${to}", and run the same command again`,
    }));
  });
}

function withData(
  { component, from, to }: Required<Pick<MovedPlacement, 'component' | 'from' | 'to'>>,
  data: readonly string[],
  hasActions: boolean,
): SiteConflict {
  const move = `caisson component move ${component} --to ${to} --begin-empty`;
  const back = `then put the data back: caisson restore FILE --data --component ${component}`;
  return {
    where: 'cluster.yaml: place',
    problem: `"${component}" has its data on "${from}", in ${data.join(', ')}, and would start empty on "${to}"`,
    remedy: hasActions
      ? `Make a backup while nothing writes to it: caisson backup; then ${move}; ${back}`
      : `Keep it where it is; to begin without these data, which stay on "${from}": ${move}`,
  };
}

function hasBackup(component: string, manifests: Topology['manifests']): boolean {
  const moments = new Set(manifests.components.get(component)?.actions.map(({ at }) => at));
  return moments.has('backup') && moments.has('restore');
}

/** The record of a site in which actions that ran once for the data of a component are to run again for its new ones. */
export function withoutMovedData(record: SiteRecord, { moved }: Topology, beginEmpty?: string): SiteRecord {
  if (beginEmpty === undefined || !moved.some(({ component, to }) => component === beginEmpty && to !== undefined)) return record;
  return { ...record, actions: record.actions.filter(({ component }) => component !== beginEmpty) };
}

/** Lines for the plan: from where to where components go, and what happens to their data. */
export function moveNotes(record: SiteRecord | undefined, { moved }: Topology): readonly string[] {
  if (record === undefined) return [];
  return moved.flatMap(({ component, from, to }) => {
    if (to === undefined) return [];
    const data = dataOf(record, component, from);
    const there = dataOf(record, component, to);
    const what =
      data.length === 0
        ? 'it has no data'
        : `its data stay on ${from}, in ${data.join(', ')}, and are not used; it begins ${there.length === 0 ? 'empty' : `with what is in ${there.join(', ')} there`}`;
    return [
      `${component} moves from ${from} to ${to}: ${what}`,
      `Until ${component} is healthy on ${to} and all that use it know that, it runs on ${from}, too`,
    ];
  });
}
