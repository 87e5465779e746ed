import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from './memory-tree.ts';
import { shippedManifests } from './sample-install.ts';
import type { SimulatedMachine } from './simulated-machine.ts';

/**
 * Returns a function that gives a machine the parts of the shipped platform which an install needs there: the files that come out of its
 * images, the programs that its actions call, on the host and in containers, and the
 * commands after a removal, which do nothing and end well.
 */
export async function shippedPrograms(): Promise<(machine: SimulatedMachine) => void> {
  const { platform, components } = await loadManifests(memoryTree((await shippedManifests()).manifests));
  const artifacts = [...components.values()].flatMap((component) => component.artifacts);
  const actions = [...components.values()].flatMap((component) => component.actions);
  const programs = actions.flatMap(({ command, container }) => container?.image ?? command?.[0] ?? []);
  const leftovers = [...components.values()].flatMap(({ services }) =>
    services.flatMap(({ afterRemoval }) => afterRemoval?.join(' ') ?? []),
  );
  const root = platform.variables['root'] ?? '';
  return (machine) => {
    for (const { image, member = '' } of artifacts) if (image !== undefined) machine.members.set(`${image} ${member}`, member);
    for (const line of leftovers) machine.programs.set(line, () => ({}));
    for (const program of programs) machine.programs.set(program.replace('${var.root}', root), () => ({}));
  };
}
