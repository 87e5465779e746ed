import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from './memory-tree.ts';
import { shippedManifests } from './sample-install.ts';
import type { SimulatedMachine } from './simulated-machine.ts';

/**
 * Returns a function that gives a machine the parts of the shipped platform which an install needs there: the files that come out of its
 * images, and the programs of Kubernetes that actions call, which do nothing.
 */
export async function shippedPrograms(): Promise<(machine: SimulatedMachine) => void> {
  const { components } = await loadManifests(memoryTree((await shippedManifests()).manifests));
  const artifacts = [...components.values()].flatMap((component) => component.artifacts);
  return (machine) => {
    for (const { image, member } of artifacts) machine.members.set(`${image} ${member}`, member);
    for (const program of ['/usr/local/bin/kubectl', '/opt/rainbond/bin/kube-drain']) machine.programs.set(program, () => ({}));
  };
}
