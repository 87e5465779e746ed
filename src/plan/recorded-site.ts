import type { NodeSpec, Placement, Topology } from '../cluster/index.ts';
import { topologicalOrder, type Digest } from '../core/index.ts';
import type { ComponentAction } from '../manifests/index.ts';
import { OWNERS } from '../resources/index.ts';
import type { SiteRecord } from '../site/index.ts';

/** True when the record lists what starts the component on the host. */
export function isStarted(record: SiteRecord | undefined, component: string, host: string): boolean {
  const owned = record?.hosts[host]?.owned ?? [];
  return owned.some(({ owner, kind, kept }) => owner === component && kept !== true && (kind === 'definition' || kind === 'unit'));
}

/** A machine that was replaced, and that the members of a quorum still count as one of them. */
export interface FormerMember {
  readonly host: string;
  readonly component: string;
  /** Address of the machine. */
  readonly address: string;
}

/** The former machines in the record; those that are members of `component` alone when it is given. */
export function formerMembers(record: SiteRecord | undefined, component?: string): readonly FormerMember[] {
  return Object.entries(record?.hosts ?? {}).flatMap(([host, { former = [] }]) =>
    former.filter((one) => component === undefined || one.component === component).map((one) => ({ host, ...one })),
  );
}

/** Answers questions about components and hosts from the site record. */
export class RecordedSite {
  readonly #record: SiteRecord | undefined;
  readonly #topology: Topology;

  /** COMPONENT/HOST of placements that the record lists although a killed run never started them. */
  readonly #unstarted: ReadonlySet<string>;

  /**
   * `undefinedOnes` are COMPONENT/HOST of placements without a service definition on the host. After a run that did not end
   * well they were never started; after one that did, the definition was removed by hand, and the component can still run.
   */
  constructor(record: SiteRecord | undefined, topology: Topology, undefinedOnes: ReadonlySet<string> = new Set()) {
    this.#record = record;
    this.#topology = topology;
    this.#unstarted = record?.operations.at(-1)?.outcome === 'done' ? new Set() : undefinedOnes;
  }

  /** True when the component was started on the host by an earlier run. */
  runs({ component, host }: Pick<Placement, 'component' | 'host'>): boolean {
    return this.hasRun(component.name, host.name);
  }

  hasRun(component: string, host: string): boolean {
    if (this.#unstarted.has(`${component}/${host}`)) return false;
    return isStarted(this.#record, component, host);
  }

  /** True when the host is added to a quorum that was founded without it. */
  joins({ component, host }: Placement): boolean {
    const members = this.#record?.placements[component.name] ?? [];
    return component.placement === 'quorum' && members.length > 0 && !members.includes(host.name);
  }

  /**
   * True when hosts join the quorum before its members restart: fewer members vote than the quorum was made for, so that the
   * restart of one could end its majority.
   */
  joinsFirst(component: string): boolean {
    return this.former(component).length > 0 || (this.#record?.placements[component] ?? []).length % 2 === 0;
  }

  /** Former machines that the members of a quorum still count as one of them. */
  former(component: string): readonly NodeSpec[] {
    return formerMembers(this.#record, component).map(({ host, address }) => ({ name: host, address, roles: [] }));
  }

  /** True for a host that is a member of the quorum. */
  isMember({ component, host }: Pick<Placement, 'component' | 'host'>): boolean {
    return (this.#record?.placements[component.name] ?? []).includes(host.name);
  }

  /** Components that run on the host and need this one there, or one of `fallen`, directly or through others. */
  dependentsOn({ component, host }: Placement, fallen: ReadonlySet<string> = new Set()): readonly Placement[] {
    const here = this.#topology.placements.filter((other) => other.host.name === host.name);
    const found = new Set([component.name, ...fallen]);
    // Each placement stands after all placements that it needs.
    for (const other of here) if (other.needs.some((need) => found.has(need.component))) found.add(other.component.name);
    return here.filter((other) => other.component.name !== component.name && found.has(other.component.name) && this.runs(other));
  }

  /**
   * Components that run on the host in containers: these end when the container engine restarts, even without a
   * declared need.
   */
  containersOn({ component, host }: Placement): readonly Placement[] {
    return this.#topology.placements.filter(
      (other) =>
        other.host.name === host.name &&
        other.component.name !== component.name &&
        other.component.services.some(({ container }) => container !== undefined) &&
        this.runs(other),
    );
  }

  /** True when the last run planned the after-healthy actions of the component and did not end with `done`. */
  isOwed({ id }: Placement): boolean {
    const last = this.#record?.operations.at(-1);
    return last?.outcome !== 'done' && last?.starts?.includes(id) === true;
  }

  /**
   * The moment of the actions that follow each start on the host: cordon while an operator keeps new work away from it, and
   * uncordon where that was for a former machine which was down. Undefined for all others.
   */
  workAfterStart(host: string): 'cordon' | 'uncordon' | undefined {
    const cordoned = this.#record?.hosts[host]?.cordoned;
    if (cordoned === undefined) return undefined;
    return cordoned.untilStart === true ? 'uncordon' : 'cordon';
  }

  /** True for a host of the cluster that takes new work: it was there before this run, and is neither cordoned nor down. */
  takesWork(host: string): boolean {
    const known = this.#record?.hosts[host];
    if (known === undefined || known.down !== undefined) return false;
    return known.cordoned === undefined || known.cordoned.untilStart === true;
  }

  isDone({ component, host }: Placement, action: ComponentAction, release?: Digest): boolean {
    return (this.#record?.actions ?? []).some(
      (done) =>
        done.component === component.name &&
        done.action === action.name &&
        (action.each === 'cluster' || done.host === host.name) &&
        (release === undefined || done.release === release),
    );
  }

  /** True when the component runs in another release than the given one. */
  isUpgraded(component: string, release: Digest): boolean {
    const before = this.#record?.components[component]?.release;
    return before !== undefined && before !== release;
  }

  /**
   * The placement of a component that leaves a host. Undefined when it stays there, or when the manifests have no such
   * component.
   */
  leaving(component: string, host: string): Placement | undefined {
    const manifest = this.#topology.manifests.components.get(component);
    const recorded = this.#record?.hosts[host];
    const stays = this.#topology.hostsOf(component).some(({ name }) => name === host);
    if (manifest === undefined || recorded === undefined || stays || !this.hasRun(component, host)) return undefined;
    const node: NodeSpec = { name: host, address: recorded.address, roles: [...recorded.roles] };
    return { id: `${component}/${host}`, component: manifest, host: node, needs: [] };
  }

  /**
   * Sorts owners in the order in which their resources are removed: unknown components, then dependents before what
   * they need, then those of Caisson.
   */
  removalOrder(owners: readonly string[]): readonly string[] {
    const components = [...this.#topology.manifests.components.values()];
    const ordered = topologicalOrder(
      components,
      ({ name }) => name,
      ({ needs }) => needs.map((need) => need.component),
    ).map(({ name }) => name);
    const rank = (owner: string): number => {
      if (owner === OWNERS.login) return 3;
      if (owner === OWNERS.seed) return 2;
      if (owner === OWNERS.host) return 1;
      const index = ordered.indexOf(owner);
      return index < 0 ? -ordered.length - 1 : -index - 1;
    };
    return [...owners].sort((left, right) => rank(left) - rank(right));
  }
}

export function placementsOf(topology: Topology, ids: readonly string[]): readonly Placement[] {
  return topology.placements.filter(({ id }) => ids.includes(id));
}
