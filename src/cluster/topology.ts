import { InvalidInputError, topologicalOrder, type InputProblem } from '../core/index.ts';
import { formatPath, problemOf } from '../io/index.ts';
import { renderData, renderTemplate, type ComponentManifest, type Manifests, type PlatformManifest } from '../manifests/index.ts';
import { readClusterSpec, type ClusterDocument, type ClusterSpec, type NodeSpec } from './cluster-spec.ts';
import { choiceOf, findOptionMistakes, resolveOptions, type ResolvedOptions } from './options.ts';

/** One component on one host. */
export interface Placement {
  /** COMPONENT/HOST */
  readonly id: string;
  readonly component: ComponentManifest;
  readonly host: NodeSpec;
  /** Ids of the placements that must be healthy first. */
  readonly needs: readonly string[];
}

/** A declared cluster laid over the manifests: what runs where, and in which order. */
export interface Topology {
  readonly spec: ClusterSpec;
  readonly manifests: Manifests;
  /** Variables of the platform, with those of cluster.yaml over them, filled in. */
  readonly variables: Readonly<Record<string, string>>;
  /** What cluster.yaml chose among the options of the platform. */
  readonly options: ResolvedOptions;
  /** The platform with its variables filled in. */
  readonly platform: PlatformManifest;
  /** Components that at least one host runs, each after all it needs. */
  readonly components: readonly ComponentManifest[];
  /** Every component on every host, each after all it needs. */
  readonly placements: readonly Placement[];
  /** Hosts that run a component, in the order of cluster.yaml; none for an unknown name. */
  hostsOf(component: string): readonly NodeSpec[];
  first(component: string): NodeSpec | undefined;
  componentsOf(host: string): readonly ComponentManifest[];
  hostsWithRole(role: string): readonly NodeSpec[];
  /** Names of the package sets that a host gets, through its roles and components, sorted. */
  packageSetsOf(host: string): readonly string[];
}

/** A cluster that is in no document that is at hand: its problems have paths and no places. */
const WITHOUT_PLACES: ClusterDocument = {
  file: 'cluster.yaml',
  problemAt: (path, reason, remedy) => ({ path: formatPath(path), reason, ...(remedy === undefined ? {} : { remedy }) }),
};

/**
 * Reads cluster.yaml strictly and lays it over the manifests. Throws InvalidInputError with every mistake and its position:
 * those that parseClusterSpec finds, or else those that resolveTopology finds.
 */
export function readTopology(text: string, file: string, manifests: Manifests): Topology {
  const { spec, document } = readClusterSpec(text, file, manifests);
  return resolveTopology(spec, manifests, document);
}

/**
 * Lays a cluster over the manifests. Throws InvalidInputError (with places in `document`) with every role that too few or
 * too many hosts have, every unknown role or variable, every mistake in the options, and every need that no host of this
 * cluster meets.
 */
export function resolveTopology(spec: ClusterSpec, manifests: Manifests, document = WITHOUT_PLACES): Topology {
  const variables = resolveVariables(manifests.platform, spec.variables);
  const hosts = placeComponents(spec, manifests);
  const problems = [
    ...unknownRoles(spec, manifests, document),
    ...roleCounts(spec, manifests, document),
    ...unknownVariables(spec, manifests, document),
    ...unmetNeeds(spec, manifests, hosts, document),
    ...findOptionMistakes(spec.options, manifests.platform.options).map((mistake) => problemOf(document, mistake)),
  ];
  if (problems.length > 0) throw new InvalidInputError(document.file, problems);

  const placed = topologicalOrder(
    [...manifests.components.values()].filter((component) => hostsIn(hosts, component.name).length > 0),
    (component) => component.name,
    (component) => component.needs,
  );
  return {
    spec,
    manifests,
    variables,
    options: resolveOptions(spec, manifests, document.file),
    platform: resolvePlatform(manifests.platform, variables),
    components: placed,
    placements: orderPlacements(placed, hosts),
    hostsOf: (component) => hostsIn(hosts, component),
    first: (component) => hostsIn(hosts, component)[0],
    componentsOf: (host) => placed.filter((component) => hostsIn(hosts, component.name).some((node) => node.name === host)),
    hostsWithRole: (role) => spec.nodes.filter((node) => node.roles.includes(role)),
    packageSetsOf: (host) => packageSetsOf(host, spec, manifests, placed, hosts),
  };
}

/** Fills in variables; each may use those above it. */
function resolveVariables(platform: PlatformManifest, overrides: Readonly<Record<string, string>>): Record<string, string> {
  const resolved: Record<string, string> = {};
  for (const [name, text] of Object.entries(platform.variables)) {
    resolved[name] = renderTemplate(overrides[name] ?? text, { var: { ...resolved } }, `variable ${name}`);
  }
  return resolved;
}

function resolvePlatform(platform: PlatformManifest, variables: Readonly<Record<string, string>>): PlatformManifest {
  const { definitionsDirectory, registry, hostNames } = platform;
  return { ...platform, ...renderData({ definitionsDirectory, registry, hostNames }, { var: variables }, 'platform.yaml'), variables };
}

type HostsByComponent = ReadonlyMap<string, readonly NodeSpec[]>;

function hostsIn(hosts: HostsByComponent, component: string): readonly NodeSpec[] {
  return hosts.get(component) ?? [];
}

function placeComponents(spec: ClusterSpec, manifests: Manifests): HostsByComponent {
  const candidates = new Map(
    [...manifests.components.values()].map((component) => [
      component.name,
      isWanted(component, spec, manifests) ? spec.nodes.filter((node) => listsComponent(node, component.name, manifests)) : [],
    ]),
  );
  const keepFirst = (component: ComponentManifest, nodes: readonly NodeSpec[]): readonly NodeSpec[] =>
    component.placement === 'first' ? nodes.slice(0, 1) : nodes;
  const before = new Map(
    [...manifests.components.values()].map((component) => [component.name, keepFirst(component, hostsIn(candidates, component.name))]),
  );
  return new Map(
    [...manifests.components.values()].map((component) => {
      const nodes = hostsIn(candidates, component.name);
      const allowed = nodes.filter((node) => !component.unless.some((other) => hostsIn(before, other).includes(node)));
      return [component.name, keepFirst(component, allowed)];
    }),
  );
}

function listsComponent(node: NodeSpec, component: string, manifests: Manifests): boolean {
  return node.roles.some((role) => manifests.roles.get(role)?.components.includes(component));
}

function isWanted({ when }: ComponentManifest, spec: ClusterSpec, { platform }: Manifests): boolean {
  return Object.entries(when).every(([name, choices]) => {
    const option = platform.options.find((candidate) => candidate.name === name);
    const choice = option === undefined ? undefined : choiceOf(option, spec.options);
    return choice !== undefined && choices.includes(choice);
  });
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
    // The first host that is one too many.
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
      .filter((need) => hostsIn(hosts, need).length === 0 && isMissed(need, spec, manifests))
      .map((need) => {
        const reason = `"${component.name}" needs "${need}", which no host runs`;
        return document.problemAt(['nodes'], reason, describeRoles(need, manifests), { key: true });
      });
  });
}

/** A need that the cluster is set up without (an internal database where there is an external one) is no need. */
function isMissed(need: string, spec: ClusterSpec, manifests: Manifests): boolean {
  const component = manifests.components.get(need);
  return component === undefined || isWanted(component, spec, manifests);
}

function describeRoles(component: string, manifests: Manifests): string {
  const roles = [...manifests.roles.values()].filter((role) => role.components.includes(component)).map((role) => `"${role.name}"`);
  return roles.length === 0 ? 'add it to a role' : `give a host the role ${roles.join(' or ')}`;
}

function orderPlacements(components: readonly ComponentManifest[], hosts: HostsByComponent): Placement[] {
  const placements = components.flatMap((component) =>
    hostsIn(hosts, component.name).map((host) => ({
      id: placementId(component.name, host),
      component,
      host,
      needs: component.needs.flatMap((need) => {
        const all = hostsIn(hosts, need);
        const same = all.filter((other) => other.name === host.name);
        return (same.length > 0 ? same : all).map((other) => placementId(need, other));
      }),
    })),
  );
  return topologicalOrder(
    placements,
    (placement) => placement.id,
    (placement) => placement.needs,
  );
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
