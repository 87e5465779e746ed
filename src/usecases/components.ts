import { setPlace, type Topology } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { suggestName } from '../io/index.ts';
import type { ComponentManifest } from '../manifests/index.ts';
import type { SiteRecord } from '../site/index.ts';
import { editCluster, writeCluster, type EditedCluster } from './edited-cluster.ts';
import { dataOf } from './moved-components.ts';
import { planOperation, runOperation, type Approve, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { readDeclared } from './read-declared.ts';

/** A single component that goes to another node. */
export interface ComponentMove {
  readonly component: string;
  /** The node on which it is to stand now; not checked when it is undefined. */
  readonly from?: string | undefined;
  readonly to: string;
  /** True when it begins without the data that it has, which stay where they are. */
  readonly beginEmpty?: boolean;
}

export interface ListedComponent {
  readonly name: string;
  readonly summary: string;
  readonly placement: ComponentManifest['placement'];
  /** Nodes that run it, or that the next install brings it to. */
  readonly nodes: readonly string[];
  /** Directories with its data, by node. */
  readonly data: Readonly<Record<string, readonly string[]>>;
}

/** Lists the components of the cluster with their nodes, in the order of needs. Connects to no host. Throws as openRequest does. */
export async function listComponents(options: OperationOptions): Promise<readonly ListedComponent[]> {
  const { topology, record } = await readDeclared(options);
  return topology.components.map(({ name, summary, placement }) => {
    const nodes = topology.hostsOf(name).map((node) => node.name);
    const data = nodes.map((node): [string, readonly string[]] => [node, record === undefined ? [] : dataOf(record, name, node)]);
    return { name, summary, placement, nodes, data: Object.fromEntries(data.filter(([, paths]) => paths.length > 0)) };
  });
}

/** Plans a move of a component and changes nothing, cluster.yaml included. Throws as moveComponent does before its first change. */
export async function planComponentMove(options: OperationOptions, move: ComponentMove): Promise<PlannedRun> {
  const edited = await editPlace(options, move);
  return planOperation(optionsFor(edited, move), { name: 'component', notes: () => notesOf(edited, move) });
}

/**
 * Writes the other node into cluster.yaml once the plan with it is approved, and carries that plan out: the component starts
 * there and is healthy before anything of it goes from the node before, where its data stay. After a kill or a failure the same
 * command, or an install, goes on. Throws USAGE for a component that does not stand on one node, or not on `from`, SITE_CONFLICT
 * where it would lose its data without `beginEmpty`, INPUT_INVALID for a node that may not run it, INPUT_CHANGED when the file was
 * changed while the plan was shown, and as runOperation does.
 */
export async function moveComponent(options: OperationOptions, move: ComponentMove, approve: Approve): Promise<RunSummary> {
  const edited = await editPlace(options, move);
  const approved = (): Promise<void> => writeCluster(edited);
  return runOperation(optionsFor(edited, move), { name: 'component', notes: () => notesOf(edited, move), approved }, approve);
}

function optionsFor({ options }: EditedCluster, { component, beginEmpty = false }: ComponentMove): OperationOptions {
  return beginEmpty ? { ...options, beginEmpty: component } : options;
}

function notesOf({ before, after, sources }: EditedCluster, { component, to }: ComponentMove): readonly string[] {
  return before === after ? [] : [`${sources.clusterPath} gets "${to}" as the place of ${component}`];
}

async function editPlace(options: OperationOptions, move: ComponentMove): Promise<EditedCluster> {
  const { topology, record } = await readDeclared(options);
  refuseMove(move, topology, record);
  return editCluster(options, (text, file) => setPlace(text, file, move.component, move.to));
}

function refuseMove({ component, from, to }: ComponentMove, topology: Topology, record: SiteRecord | undefined): void {
  const refuse = (reason: string, hint: string): never => {
    throw new CaissonError('USAGE', `Cannot move "${component}": ${reason}`, { hint });
  };
  const { components } = topology.manifests;
  const manifest = components.get(component);
  if (manifest === undefined) {
    return refuse('the platform has no such component', suggestName(component, components.keys()) ?? 'List them: caisson component list');
  }
  if (manifest.placement !== 'one') {
    refuse('it runs on every node of its roles', `Give its roles to other nodes: caisson node roles ${to} --role ROLE`);
  }
  const [stands] = record?.placements[component] ?? [];
  if (stands === undefined) return refuse('it is not installed', 'Write where it is to be into cluster.yaml: place');
  // A move that goes on after a kill finds it at its new place.
  if (from !== undefined && from !== stands && stands !== to)
    refuse(`it stands on "${stands}", and not on "${from}"`, `Leave out --from, or write --from ${stands}`);
}
