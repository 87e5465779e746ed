import type { Host } from '../host/index.ts';
import { repositoryFor, toolsOn, type Declared } from '../plan/index.ts';
import { askInTime, type HostFinding } from '../preflight/index.ts';
import type { Found, PackageSimulation, Resource, ResourceOf, Simulator } from '../resources/index.ts';
import type { InstallRequest } from './open-request.ts';

/** The packages that come to a host, and findings where the host cannot take them or does not answer. */
export interface SimulatedHost {
  readonly simulation: PackageSimulation;
  readonly findings: readonly HostFinding[];
}

/**
 * Returns a function that asks a host what installing its wanted packages would do, with the packages that the host has,
 * and that resolves to undefined where none is to be installed. What hosts with the same operating system are sent is
 * prepared once.
 */
export function packageSimulations(
  { bundle }: Pick<InstallRequest, 'bundle'>,
  declared: Declared,
  signal: AbortSignal,
): (host: Host, found: ReadonlyMap<Resource, Found>) => Promise<SimulatedHost | undefined> {
  const simulators = new Map<string, Promise<Simulator>>();
  const simulatorOf = async (name: string): Promise<Simulator> => {
    const node = declared.topology.spec.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`"${name}" is no node, so no packages are wanted there`);
    const repository = repositoryFor(declared, node);
    const { packages } = toolsOn(declared, name);
    const architecture = packages.architectures(declared.observed.architectures.get(name) ?? '').at(-1) ?? '';
    const key = `${repository.id} ${architecture}`;
    const date = new Date(bundle.manifest.date);
    const read = (path: string, options: { readonly limit: number }): Promise<Buffer> => bundle.read(path, options);
    const known = simulators.get(key) ?? packages.simulator({ repository, architecture, date, read });
    simulators.set(key, known);
    return known;
  };
  return async (host, found) => {
    const wanted = [...found].flatMap(([resource, { state }]) =>
      isPackage(resource) && state !== 'same' ? [{ name: resource.key, recommends: resource.spec.recommends === true }] : [],
    );
    if (wanted.length === 0) return undefined;
    const simulate = await simulatorOf(host.name);
    const asked = await askInTime(host, { ...QUESTION, ask: (one) => simulate(one, wanted, signal) }, signal);
    if ('finding' in asked) return { simulation: NONE, findings: [asked.finding] };
    return { simulation: asked.answer, findings: asked.answer.problems.map((problem) => ({ host: host.name, ...problem })) };
  };
}

const NONE: PackageSimulation = { installs: [], upgrades: [], problems: [] };

const QUESTION = {
  subject: 'which packages an install would bring',
  seconds: 120,
  remedy: 'Find out on the host why its package tool fails, or what it waits for; df, for the directory of temporary files',
};

function isPackage(resource: Resource): resource is ResourceOf<'package'> {
  return resource.kind === 'package';
}
