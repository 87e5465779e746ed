import type { Placement, Topology } from '../cluster/index.ts';
import { topologicalOrder } from '../core/index.ts';

/** A host whose work goes elsewhere before components there restart. */
export interface Drain {
  /** The component that has the drain actions, on the host. */
  readonly placement: Placement;
  /** Ids of the placements that restart there after the work has gone. */
  readonly members: ReadonlySet<string>;
  /** Names of the components on whose hosts the actions run. */
  readonly runners: readonly string[];
}

interface Hosts {
  /** True for a component that restarts in this plan. */
  readonly restarts: (placement: Placement) => boolean;
  /** True for one of these whose restart ends or endangers the work of its host. */
  readonly restartsAnew: (placement: Placement) => boolean;
  /** True for a host that can take the work of others: it was in the cluster before, and no operator keeps work away from it. */
  readonly takesWork: (host: string) => boolean;
}

/**
 * Finds the hosts whose work has to go elsewhere, in the order in which they take turns: those on which the actions run come first, since
 * others need what runs there. A host whose work no other host of the component could take is left out: its work waits for the
 * restart. Pure.
 */
export function findDrains(topology: Topology, { restarts, restartsAnew, takesWork }: Hosts): readonly Drain[] {
  const placements = new Map(topology.placements.map((placement) => [placement.id, placement]));
  return topology.components.flatMap(({ name, actions }) => {
    const drains = actions.filter(({ at }) => at === 'drain');
    if (drains.length === 0) return [];
    const before = drains.flatMap((action) => action.before ?? []);
    const runners = drains.flatMap(({ on }) => (typeof on === 'string' ? [] : [on.component]));
    const takers = topology.hostsOf(name).filter((host) => takesWork(host.name));
    const runsActions = (host: string): boolean => runners.some((runner) => placements.has(`${runner}/${host}`));
    const hosts = topology.hostsOf(name).toSorted((left, right) => Number(runsActions(right.name)) - Number(runsActions(left.name)));
    return hosts.flatMap((host): readonly Drain[] => {
      const placement = placements.get(`${name}/${host.name}`);
      const members = before.flatMap((member) => placements.get(`${member}/${host.name}`) ?? []).filter(restarts);
      if (placement === undefined || !members.some(restartsAnew)) return [];
      if (!takers.some((taker) => taker.name !== host.name)) return [];
      return [{ placement, members: new Set(members.map(({ id }) => id)), runners }];
    });
  });
}

/**
 * Puts placements into an order in which each host that is drained is done before the members of the next one restart, and each placement
 * comes after all that it needs. Where one needs some of several hosts, those whose turn is later are not waited for: they still run as
 * before. Members come after the components on whose hosts the actions run, so that these do not restart meanwhile; of those that
 * restart with a host that is drained, after the ones of earlier turns. Throws GRAPH_CYCLE where needs across hosts forbid such turns.
 */
export function hostByHost(placements: readonly Placement[], drains: readonly Drain[]): readonly Placement[] {
  if (drains.length === 0) return placements;
  const turns = new Turns(placements, drains);
  return topologicalOrder(
    placements,
    ({ id }) => id,
    (placement) => turns.before(placement),
  );
}

/** Which turn comes before which placement. Turns are counted from 1. */
class Turns {
  readonly #placements: readonly Placement[];
  readonly #drains: readonly Drain[];
  readonly #byId: ReadonlyMap<string, Placement>;
  readonly #turns = new Map<string, number>();
  /** The last turn that must be over before a placement, by id. */
  readonly #after = new Map<string, number>();
  /** The first turn that needs a placement, by id. */
  readonly #neededBy = new Map<string, number>();

  constructor(placements: readonly Placement[], drains: readonly Drain[]) {
    this.#placements = placements;
    this.#drains = drains;
    this.#byId = new Map(placements.map((placement) => [placement.id, placement]));
    for (const [index, { members, placement }] of drains.entries()) {
      for (const id of members) this.#turns.set(id, index + 1);
      this.#noteNeeded(placement, index + 1);
    }
  }

  /** Ids of the placements that come before this one. */
  before(placement: Placement): readonly string[] {
    const limit = this.#neededBy.get(placement.id) ?? Infinity;
    const needed = placement.needs.flatMap((need) =>
      isWhole(need) ? need.placements : need.placements.filter((id) => this.#afterOf(id) <= limit),
    );
    return [...needed, ...this.#beforeTurn(this.#turns.get(placement.id))];
  }

  #beforeTurn(turn: number | undefined): readonly string[] {
    const drain = turn === undefined ? undefined : this.#drains[turn - 1];
    if (turn === undefined || drain === undefined) return [];
    const earlier = this.#drains.slice(0, turn - 1).filter(({ placement }) => placement.component.name === drain.placement.component.name);
    const runners = this.#placements.filter(({ component, id }) => drain.runners.includes(component.name) && this.#afterOf(id) < turn);
    return [...earlier.map(({ placement }) => placement.id), ...runners.map(({ id }) => id)];
  }

  #afterOf(id: string): number {
    const known = this.#after.get(id);
    if (known !== undefined) return known;
    const needs = this.#byId.get(id)?.needs ?? [];
    const after = Math.max(
      this.#turns.get(id) ?? 0,
      ...needs.filter(isWhole).flatMap((need) => need.placements.map((needed) => this.#afterOf(needed))),
    );
    this.#after.set(id, after);
    return after;
  }

  #noteNeeded({ id, needs }: Placement, turn: number): void {
    if (this.#neededBy.has(id)) return;
    this.#neededBy.set(id, turn);
    for (const needed of needs.flatMap((need) => need.placements)) {
      const placement = this.#byId.get(needed);
      if (placement !== undefined) this.#noteNeeded(placement, turn);
    }
  }
}

/** True for a need of all of its placements. */
function isWhole({ count, placements }: Placement['needs'][number]): boolean {
  return count === placements.length;
}
