import type { NodeSpec } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import { packageNameOf } from '../../manifests/index.ts';
import { digestOfAll, type ResourceOf } from '../../resources/index.ts';
import { toolsOn, type Declared } from '../declared.ts';
import type { At } from './make.ts';
import { repositoryFor } from './repository-for.ts';

/** Package sets of a host's roles, without those of its components. */
export function roleSets({ topology }: Declared, node: NodeSpec): readonly string[] {
  return node.roles.flatMap((role) => topology.manifests.roles.get(role)?.packageSets ?? []);
}

/**
 * The packages that the sets name for a host, in the versions of the bundle. The package manager adds their
 * dependencies. Throws HOSTS_UNFIT when the bundle lacks one.
 */
export function packageResources(declared: Declared, node: NodeSpec, at: At, sets: readonly string[]): readonly ResourceOf<'package'>[] {
  const known = declared.observed.systems.get(node.name)?.packageSets ?? [];
  const asked = known.filter((set) => sets.includes(set.name));
  const names = new Set(asked.flatMap((set) => set.packages.map(packageNameOf)));
  const recommending = new Set(asked.filter((set) => set.recommends).flatMap((set) => set.packages.map(packageNameOf)));
  if (names.size === 0) return [];
  const repository = repositoryFor(declared, node);
  const cpu = declared.observed.architectures.get(node.name) ?? '';
  const architectures = toolsOn(declared, node.name).packages.architectures(cpu);
  const offered = new Map(
    repository.packages
      .filter((candidate) => architectures.includes(candidate.architecture))
      .map(({ name, version }): [string, string] => [name, version]),
  );
  const missing = [...names].filter((name) => !offered.has(name));
  if (missing.length > 0) {
    throw new CaissonError(
      'HOSTS_UNFIT',
      `Cannot install packages on "${node.name}": the bundle has no ${missing.join(', ')} for ${repository.id} on ${cpu}`,
      { hint: 'Build a bundle with these manifests' },
    );
  }
  return [...names].map((name): ResourceOf<'package'> => {
    const version = offered.get(name) ?? '';
    if (!recommending.has(name)) return { ...at, kind: 'package', key: name, digest: digestOfAll([version]), spec: { version } };
    return { ...at, kind: 'package', key: name, digest: digestOfAll([version, 'recommends']), spec: { version, recommends: true } };
  });
}
