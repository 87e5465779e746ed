import type { Placement, Topology } from '../cluster/index.ts';
import { topologicalOrder } from '../core/index.ts';

/** A host whose work goes elsewhere before components there restart. */
export interface Drain {
  /** The component that has the drain actions, on the host. */
  readonly placement: Placement;
  /** Ids of the placements before whose restart the work goes. */
  readonly members: ReadonlySet<string>;
}

interface Hosts {
  /** True for a component that restarts in this plan in a way that ends or endangers the work of its host. */
  readonly restarts: (placement: Placement) => boolean;
  /** True for a host that can take the work of others: it was in the cluster before, and no operator keeps work away from it. */
  readonly takesWork: (host: string) => boolean;
}

/**
 * Finds the hosts whose work has to go elsewhere, in the order in which they take turns. A host whose work no other host of the component
 * could take is left out: its work waits for the restart. Pure.
 */
export function findDrains(topology: Topology, { restarts, takesWork }: Hosts): readonly Drain[] {
  const placements = new Map(topology.placements.map((placement) => [placement.id, placement]));
  return topology.components.flatMap(({ name, actions }) => {
    const before = actions.flatMap((action) => (action.at === 'drain' ? (action.before ?? []) : []));
    if (before.length === 0) return [];
    const takers = topology.hostsOf(name).filter((host) => takesWork(host.name));
    return topology.hostsOf(name).flatMap((host): readonly Drain[] => {
      const placement = placements.get(`${name}/${host.name}`);
      const members = before.flatMap((member) => placements.get(`${member}/${host.name}`) ?? []);
      if (placement === undefined || !members.some(restarts)) return [];
      if (!takers.some((taker) => taker.name !== host.name)) return [];
      return [{ placement, members: new Set(members.map(({ id }) => id)) }];
    });
  });
}

/**
 * Puts placements into an order in which each host that is drained is done before the members of the next one begin, and each placement
 * comes after all that it needs. Throws GRAPH_CYCLE where needs across hosts forbid such turns.
 */
export function hostByHost(placements: readonly Placement[], drains: readonly Drain[]): readonly Placement[] {
  const before = new Map<string, string[]>();
  const last = new Map<string, string>();
  for (const { placement, members } of drains) {
    const { name } = placement.component;
    const earlier = last.get(name);
    if (earlier !== undefined) for (const id of members) before.set(id, [...(before.get(id) ?? []), earlier]);
    last.set(name, placement.id);
  }
  if (before.size === 0) return placements;
  return topologicalOrder(
    placements,
    ({ id }) => id,
    ({ id, needs }) => [...needs.flatMap((need) => need.placements), ...(before.get(id) ?? [])],
  );
}
