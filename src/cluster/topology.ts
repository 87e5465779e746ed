import { InvalidInputError, topologicalOrder, type InputProblem } from '../core/index.ts';
import { formatPath, problemOf, suggestName } from '../io/index.ts';
import {
  renderData,
  renderTemplate,
  type ComponentManifest,
  type ComponentNeed,
  type Manifests,
  type PlatformManifest,
} from '../manifests/index.ts';
import { readClusterSpec, type ClusterDocument, type ClusterSpec, type NodeSpec } from './cluster-spec.ts';
import { optionScope } from './option-scope.ts';
import { findOptionMistakes, isWrittenChoice, resolveOptions, type ResolvedOptions } from './options.ts';

/** One component on one host. */
export interface Placement {
  /** COMPONENT/HOST */
  readonly id: string;
  readonly component: ComponentManifest;
  readonly host: NodeSpec;
  /** Placements of other components that must be healthy first. */
  readonly needs: readonly PlacementNeed[];
}

/** At least `count` of these placements of one component must be healthy. */
export interface PlacementNeed {
  readonly component: string;
  /** Ids of placements. */
  readonly placements: readonly string[];
  readonly count: number;
}

/**
 * A component with `placement: one` whose recorded host may no longer run it, or that cluster.yaml places on another one. Its
 * data are on the recorded host, so a run must not move it without a word.
 */
export interface MovedPlacement {
  readonly component: string;
  readonly from: string;
  /** The host on which cluster.yaml places it. */
  readonly to?: string;
  /** Names of the hosts that may run it now. */
  readonly candidates: readonly string[];
}

/** A declared cluster combined with the manifests: which component runs on which host, and in which order. */
export interface Topology {
  readonly spec: ClusterSpec;
  readonly manifests: Manifests;
  /** Variables of the platform, replaced by those of cluster.yaml where it has them, with all placeholders filled in. */
  readonly variables: Readonly<Record<string, string>>;
  /** Choices for the options of the platform, from cluster.yaml or by default. */
  readonly options: ResolvedOptions;
  /** The manifest of the platform with its variables filled in. */
  readonly platform: PlatformManifest;
  /** Components that at least one host runs. Each comes after all components that it needs. */
  readonly components: readonly ComponentManifest[];
  /** Every component on every host. Each comes after all placements that it needs. */
  readonly placements: readonly Placement[];
  /** Components with `placement: one` that do not stay on their recorded host. */
  readonly moved: readonly MovedPlacement[];
  readonly recorded: RecordedTopology;
  /**
   * Returns the hosts that run a component: recorded hosts first, then the others in the order of cluster.yaml. Empty
   * for an unknown name.
   */
  readonly hostsOf: (component: string) => readonly NodeSpec[];
  readonly first: (component: string) => NodeSpec | undefined;
  readonly componentsOf: (host: string) => readonly ComponentManifest[];
  readonly hostsWithRole: (role: string) => readonly NodeSpec[];
  /** Returns the names of the package sets that the roles and components of a host need, sorted, without repeats. */
  readonly packageSetsOf: (host: string) => readonly string[];
}

/** The part of the record of a site that decides where components run. */
export interface RecordedTopology {
  /**
   * Host names by name of the component, for `placement: one` and `quorum`. A single component stays on its host;
   * members of a quorum come before other hosts.
   */
  readonly placements: Readonly<Record<string, readonly string[]>>;
  /** Names of the hosts that joined a quorum after it was founded, by name of the component. */
  readonly joined: Readonly<Record<string, readonly string[]>>;
  /** Recorded values of items with `keep`, by COMPONENT/HOST/VALUE. */
  readonly values: Readonly<Record<string, string>>;
}

const NOTHING_RECORDED: RecordedTopology = { placements: {}, joined: {}, values: {} };

/** True for a host that is, or will be, a member of a quorum that was founded without it. */
export function isJoiner({ recorded, manifests }: Topology, component: string, host: string): boolean {
  if (manifests.components.get(component)?.placement !== 'quorum') return false;
  const members = recorded.placements[component] ?? [];
  return (recorded.joined[component] ?? []).includes(host) || (members.length > 0 && !members.includes(host));
}

/** Used when the text of cluster.yaml is not available: problems then have a path and no position. */
const WITHOUT_PLACES: ClusterDocument = {
  file: 'cluster.yaml',
  problemAt: (path, reason, remedy) => ({ path: formatPath(path), reason, ...(remedy === undefined ? {} : { remedy }) }),
};

/**
 * Reads cluster.yaml strictly and combines it with the manifests. Throws InvalidInputError with every mistake and its
 * position: those that parseClusterSpec finds, or, when there are none, those that resolveTopology finds.
 */
export function readTopology(text: string, file: string, manifests: Manifests, recorded?: RecordedTopology): Topology {
  const { spec, document } = readClusterSpec(text, file, manifests);
  return resolveTopology(spec, manifests, document, recorded);
}

/**
 * Combines a cluster with the manifests. Recorded hosts come first; the order of nodes decides the rest. Throws
 * InvalidInputError (with positions in `document`) with every mistake: a role of too few or too many hosts, unknown
 * roles and variables, wrong options, a component that needs one that no host runs, a quorum with an even number of
 * members.
 */
export function resolveTopology(
  spec: ClusterSpec,
  manifests: Manifests,
  document = WITHOUT_PLACES,
  recorded: RecordedTopology = NOTHING_RECORDED,
): Topology {
  const variables = resolveVariables(manifests.platform, spec.variables);
  const { hosts, moved } = placeComponents(spec, manifests, recorded.placements);
  const problems = [
    ...unknownRoles(spec, manifests, document),
    ...roleCounts(spec, manifests, document),
    ...unknownVariables(spec, manifests, document),
    ...unmetNeeds(spec, manifests, hosts, document),
    ...findOptionMistakes(spec.options, manifests.platform.options).map((mistake) => problemOf(document, mistake)),
    ...quorumSizes(manifests, hosts, document),
    ...misplaced(spec, manifests, hosts, document),
  ];
  if (problems.length > 0) throw new InvalidInputError(document.file, problems);

  const placed = topologicalOrder(
    [...manifests.components.values()].filter((component) => hostsIn(hosts, component.name).length > 0),
    (component) => component.name,
    (component) => component.needs.map((need) => need.component),
  );
  const options = resolveOptions(spec, manifests, document.file);
  return {
    spec,
    manifests,
    variables,
    options,
    platform: resolvePlatform(manifests.platform, variables, options),
    components: placed,
    placements: orderPlacements(placed, hosts),
    moved,
    recorded,
    hostsOf: (component) => hostsIn(hosts, component),
    first: (component) => hostsIn(hosts, component)[0],
    componentsOf: (host) => placed.filter((component) => hostsIn(hosts, component.name).some((node) => node.name === host)),
    hostsWithRole: (role) => spec.nodes.filter((node) => node.roles.includes(role)),
    packageSetsOf: (host) => packageSetsOf(host, spec, manifests, placed, hosts),
  };
}

/** Fills in the placeholders of variables. Each variable may refer to those above it. */
function resolveVariables(platform: PlatformManifest, overrides: Readonly<Record<string, string>>): Record<string, string> {
  const resolved: Record<string, string> = {};
  for (const [name, text] of Object.entries(platform.variables)) {
    resolved[name] = renderTemplate(overrides[name] ?? text, { var: { ...resolved } }, `variable ${name}`);
  }
  return resolved;
}

function resolvePlatform(
  platform: PlatformManifest,
  variables: Readonly<Record<string, string>>,
  options: ResolvedOptions,
): PlatformManifest {
  const { definitionsDirectory, registry, hostNames } = platform;
  const scope = { var: variables, option: optionScope(platform.options, options) };
  return { ...platform, ...renderData({ definitionsDirectory, registry, hostNames }, scope, 'platform.yaml'), variables };
}

/** The addresses of names that the platform declares: the one that it gives them, or those of the hosts of their component. */
export function addressesOf({ hostsOf }: Pick<Topology, 'hostsOf'>, { component, address = '' }: DeclaredNames): readonly string[] {
  return address === '' ? hostsOf(component).map((host) => host.address) : [address];
}

type DeclaredNames = PlatformManifest['hostNames'][number];

type HostsByComponent = ReadonlyMap<string, readonly NodeSpec[]>;

function hostsIn(hosts: HostsByComponent, component: string): readonly NodeSpec[] {
  return hosts.get(component) ?? [];
}

interface PlacedComponents {
  readonly hosts: HostsByComponent;
  readonly moved: readonly MovedPlacement[];
}

function placeComponents(spec: ClusterSpec, manifests: Manifests, recorded: RecordedTopology['placements']): PlacedComponents {
  const components = [...manifests.components.values()];
  const candidates = new Map(
    components.map((component) => [
      component.name,
      isWrittenChoice(component.when, manifests.platform.options, spec.options)
        ? spec.nodes.filter((node) => listsComponent(node, component.name, manifests))
        : [],
    ]),
  );
  const place = (component: ComponentManifest, nodes: readonly NodeSpec[]): readonly NodeSpec[] => {
    if (component.placement === 'every') return nodes;
    const wished = component.placement === 'one' ? placeOf(component.name, spec) : undefined;
    const before = [...(wished === undefined ? [] : [wished]), ...(recorded[component.name] ?? [])];
    const placedFirst = [
      ...before.flatMap((name) => nodes.filter((node) => node.name === name)),
      ...nodes.filter((node) => !before.includes(node.name)),
    ];
    return component.placement === 'one' ? placedFirst.slice(0, 1) : placedFirst;
  };
  const chosen = new Map(components.map((component) => [component.name, place(component, hostsIn(candidates, component.name))]));
  const allowed = (component: ComponentManifest): readonly NodeSpec[] =>
    hostsIn(candidates, component.name).filter((node) => !component.unless.some((other) => hostsIn(chosen, other).includes(node)));
  return {
    hosts: new Map(components.map((component) => [component.name, place(component, allowed(component))])),
    moved: components.flatMap((component) => movedPlacement(component, allowed(component), { spec, recorded })),
  };
}

/** The node on which cluster.yaml places a component. */
function placeOf(component: string, { place }: ClusterSpec): string | undefined {
  return Object.hasOwn(place, component) ? place[component] : undefined;
}

/** Returns an entry only when another host may run the component. A component that no host may run is removed, not moved. */
function movedPlacement(
  { name, placement }: ComponentManifest,
  candidates: readonly NodeSpec[],
  { spec, recorded }: { readonly spec: ClusterSpec; readonly recorded: RecordedTopology['placements'] },
): readonly MovedPlacement[] {
  const [from] = recorded[name] ?? [];
  if (placement !== 'one' || from === undefined || candidates.length === 0) return [];
  const names = candidates.map((node) => node.name);
  const to = placeOf(name, spec);
  if (to !== undefined && names.includes(to)) return to === from ? [] : [{ component: name, from, to, candidates: names }];
  return names.includes(from) ? [] : [{ component: name, from, candidates: names }];
}

/** Reports entries of `place` that name no single component, no node, or a node that may not run the component. */
function misplaced(spec: ClusterSpec, manifests: Manifests, hosts: HostsByComponent, document: ClusterDocument): InputProblem[] {
  const nodes = spec.nodes.map(({ name }) => name);
  return Object.entries(spec.place).flatMap(([name, host]): InputProblem[] => {
    const component = manifests.components.get(name);
    if (component === undefined) {
      const reason = `the platform has no component "${name}"`;
      return [document.problemAt(['place', name], reason, suggestName(name, manifests.components.keys()), { key: true })];
    }
    if (component.placement !== 'one') {
      const reason = `"${name}" runs on every node of its roles, and not on one of them`;
      return [document.problemAt(['place', name], reason, 'remove the line', { key: true })];
    }
    if (!nodes.includes(host)) return [document.problemAt(['place', name], `there is no node "${host}"`, suggestName(host, nodes))];
    const [chosen] = hostsIn(hosts, name);
    if (chosen === undefined || chosen.name === host) return [];
    return [document.problemAt(['place', name], `"${host}" may not run "${name}"`, describeRoles(name, manifests, `"${host}"`))];
  });
}

function listsComponent(node: NodeSpec, component: string, manifests: Manifests): boolean {
  return node.roles.some((role) => manifests.roles.get(role)?.components.includes(component));
}

function unknownRoles(spec: ClusterSpec, manifests: Manifests, document: ClusterDocument): InputProblem[] {
  return spec.nodes.flatMap(({ roles }, index) =>
    roles.flatMap((role, place) =>
      manifests.roles.has(role) ? [] : [document.problemAt(['nodes', index, 'roles', place], `there is no role "${role}"`)],
    ),
  );
}

function roleCounts(spec: ClusterSpec, manifests: Manifests, document: ClusterDocument): InputProblem[] {
  return [...manifests.roles.values()].flatMap(({ name, minimum, maximum }): InputProblem[] => {
    const places = spec.nodes.flatMap(({ roles }, index) => (roles.includes(name) ? [['nodes', index, 'roles', roles.indexOf(name)]] : []));
    const have = `${places.length} hosts have the role "${name}"`;
    if (places.length < minimum) {
      const remedy = `add "${name}" to the roles of a host`;
      return [document.problemAt(['nodes'], `${have}, at least ${minimum} must`, remedy, { key: true })];
    }
    // The first host above the maximum.
    const surplus = maximum === undefined ? undefined : places[maximum];
    return surplus === undefined ? [] : [document.problemAt(surplus, `${have}, at most ${maximum} may`)];
  });
}

function unknownVariables(spec: ClusterSpec, manifests: Manifests, document: ClusterDocument): InputProblem[] {
  return Object.keys(spec.variables)
    .filter((name) => !Object.hasOwn(manifests.platform.variables, name))
    .map((name) => document.problemAt(['variables', name], `the platform has no variable "${name}"`, undefined, { key: true }));
}

function unmetNeeds(spec: ClusterSpec, manifests: Manifests, hosts: HostsByComponent, document: ClusterDocument): InputProblem[] {
  return [...manifests.components.values()].flatMap((component) => {
    if (hostsIn(hosts, component.name).length === 0) return [];
    return component.needs
      .map((need) => need.component)
      .filter((need) => hostsIn(hosts, need).length === 0 && isMissed(need, spec, manifests))
      .map((need) => {
        const reason = `"${component.name}" needs "${need}", which no host runs`;
        return document.problemAt(['nodes'], reason, describeRoles(need, manifests), { key: true });
      });
  });
}

/** Refuses an even number of members: it tolerates no more failed members than the odd number below it. */
function quorumSizes(manifests: Manifests, hosts: HostsByComponent, document: ClusterDocument): InputProblem[] {
  return [...manifests.components.values()].flatMap(({ name, placement }) => {
    const count = hostsIn(hosts, name).length;
    if (placement !== 'quorum' || count % 2 === 1 || count === 0) return [];
    const reason = `${count} hosts would run "${name}", whose members vote; an even number bears no more failures than ${count - 1}`;
    return [document.problemAt(['nodes'], reason, `${describeRoles(name, manifests)}, or take it from one`, { key: true })];
  });
}

/**
 * False for a component that the options of the cluster leave out, such as an internal database when an external one is
 * used, and for one whose place another takes on every host (`unless`). Other components then run without it.
 */
function isMissed(need: string, spec: ClusterSpec, manifests: Manifests): boolean {
  const component = manifests.components.get(need);
  if (component === undefined) return true;
  const isListed = spec.nodes.some(({ roles }) => roles.some((role) => manifests.roles.get(role)?.components.includes(need)));
  return isWrittenChoice(component.when, manifests.platform.options, spec.options) && !(component.unless.length > 0 && isListed);
}

function describeRoles(component: string, manifests: Manifests, host = 'a host'): string {
  const roles = [...manifests.roles.values()].filter((role) => role.components.includes(component)).map((role) => `"${role.name}"`);
  return roles.length === 0 ? 'add it to a role' : `give ${host} the role ${roles.join(' or ')}`;
}

function orderPlacements(components: readonly ComponentManifest[], hosts: HostsByComponent): Placement[] {
  const isReplaced = (need: string, host: NodeSpec): boolean =>
    components.some(({ name, unless }) => name === need && unless.some((other) => hostsIn(hosts, other).includes(host)));
  const needed = (need: ComponentNeed, host: NodeSpec): readonly PlacementNeed[] =>
    need.hosts === 'near' && isReplaced(need.component, host) ? [] : placementNeed(need, host, hostsIn(hosts, need.component));
  const placements = components.flatMap((component) =>
    hostsIn(hosts, component.name).map((host) => ({
      id: placementId(component.name, host),
      component,
      host,
      needs: component.needs.flatMap((need) => needed(need, host)),
    })),
  );
  return topologicalOrder(
    placements,
    (placement) => placement.id,
    (placement) => placement.needs.flatMap((need) => need.placements),
  );
}

/** Returns no need for a component that runs on no host. */
function placementNeed(need: ComponentNeed, host: NodeSpec, hosts: readonly NodeSpec[]): readonly PlacementNeed[] {
  if (hosts.length === 0) return [];
  const own = hosts.filter((other) => other.name === host.name);
  const counted = need.hosts === 'near' && own.length > 0 ? own : hosts;
  const counts = { near: counted.length, all: counted.length, any: 1, quorum: Math.floor(counted.length / 2) + 1 };
  return [{ component: need.component, placements: counted.map((other) => placementId(need.component, other)), count: counts[need.hosts] }];
}

function placementId(component: string, host: NodeSpec): string {
  return `${component}/${host.name}`;
}

function packageSetsOf(
  host: string,
  spec: ClusterSpec,
  manifests: Manifests,
  components: readonly ComponentManifest[],
  hosts: HostsByComponent,
): readonly string[] {
  const roles = spec.nodes.find((node) => node.name === host)?.roles ?? [];
  const sets = [
    ...roles.flatMap((role) => manifests.roles.get(role)?.packageSets ?? []),
    ...components.filter(({ name }) => hostsIn(hosts, name).some((node) => node.name === host)).flatMap(({ packageSets }) => packageSets),
  ];
  return [...new Set(sets)].sort();
}
