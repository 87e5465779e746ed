import type { Placement, PlacementNeed } from '../cluster/index.ts';
import { majorityOf } from '../plan/index.ts';
import type { SiteConflict, SiteRecord } from '../site/index.ts';

/** The started components of a site, and the record of their hosts. */
export interface Standing {
  readonly record: SiteRecord;
  readonly running: readonly Placement[];
  /** True for a component that its agent reports as healthy. Asked for members of a quorum alone. */
  readonly isHealthy: (placement: Placement) => boolean;
}

/** Components that are away while a node is down, besides those that run on it. */
export interface Away {
  /** Quorum components that lose their majority, each with its members that stay healthy. */
  readonly quorums: readonly { readonly component: string; readonly members: number; readonly staying: readonly string[] }[];
  /** Components of the node that then run nowhere, and that others need. */
  readonly lost: readonly string[];
  /** Placements on other nodes that need one of these, directly or through others. */
  readonly users: readonly Placement[];
}

/** Finds the components that are away while `node` is down. Other nodes that are down are so already. Pure. */
export function awayWithout(node: string, { record, running, isHealthy }: Standing): Away {
  const isDown = (host: string): boolean => record.hosts[host]?.down !== undefined && host !== node;
  const before = unserved(running, new Set(running.filter(({ host }) => isDown(host.name)).map(({ id }) => id)));
  const own = running.filter(({ host }) => host.name === node);
  const after = unserved(running, new Set([...before, ...own.map(({ id }) => id)]));
  const users = running.filter(({ id, host }) => after.has(id) && !before.has(id) && host.name !== node);
  const isUnmet = ({ placements }: PlacementNeed): boolean => placements.length > 0 && placements.every((one) => after.has(one));
  const needed = new Set(users.flatMap(({ needs }) => needs.filter(isUnmet).map(({ component }) => component)));
  const quorums = own.flatMap(({ component: { name, placement } }) => {
    const members = record.placements[name] ?? [];
    const others = running.filter((one) => one.component.name === name && members.includes(one.host.name) && one.host.name !== node);
    const staying = others.filter((one) => !isDown(one.host.name) && isHealthy(one)).map(({ host }) => host.name);
    return placement === 'quorum' && staying.length < majorityOf(members.length)
      ? [{ component: name, members: members.length, staying }]
      : [];
  });
  return { quorums, lost: own.map(({ component }) => component.name).filter((name) => needed.has(name)), users };
}

/** Ids of `away`, and of all placements of which a need is served by none but these. */
function unserved(running: readonly Placement[], away: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set(away);
  // Each placement stands after all placements that it needs.
  for (const { id, needs } of running)
    if (needs.some(({ placements }) => placements.length > 0 && placements.every((one) => found.has(one)))) found.add(id);
  return found;
}

/** Lists why a node should not be taken down. */
export function awayConflicts(node: string, { quorums, lost, users }: Away): readonly SiteConflict[] {
  const remedy = 'To take it down all the same, and be without them: add --force';
  return [
    ...quorums.map(({ component, members, staying }) => ({
      where: node,
      problem:
        members === 1
          ? `it is the only member of ${component}`
          : `${component} would lose its majority: of its ${members} members ${staying.length === 0 ? 'none stays' : `${staying.join(', ')} ${staying.length === 1 ? 'stays' : 'stay'}`} healthy`,
      remedy,
    })),
    ...(users.length === 0
      ? []
      : [
          {
            where: node,
            problem: `${lost.join(', ')} would run on no node that is up, and without ${lost.length === 1 ? 'it' : 'them'} these are away: ${describeUsers(users)}`,
            remedy,
          },
        ]),
  ];
}

/** Names components with their hosts, such as "app on n1, n2; web on n1". */
export function describeUsers(users: readonly Placement[]): string {
  const names = [...new Set(users.map(({ component }) => component.name))];
  const hostsOf = (name: string): string =>
    users
      .filter(({ component }) => component.name === name)
      .map(({ host }) => host.name)
      .join(', ');
  return names.map((name) => `${name} on ${hostsOf(name)}`).join('; ');
}
