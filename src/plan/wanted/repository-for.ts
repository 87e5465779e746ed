import type { BundleRepository } from '../../bundle/index.ts';
import type { NodeSpec } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import type { Declared } from '../declared.ts';

/** The bundle's package repository for a node's operating system. Throws HOSTS_UNFIT when it has none. */
export function repositoryFor({ observed, supply }: Declared, node: NodeSpec): BundleRepository {
  const system = observed.systems.get(node.name);
  const id = system === undefined ? 'unknown' : `${system.id}-${system.version}`;
  const { repositories } = supply.bundle.manifest;
  const repository = repositories.find((candidate) => candidate.id === id);
  if (repository !== undefined) return repository;
  const known = repositories.map((candidate) => candidate.id).join(', ');
  throw new CaissonError(
    'HOSTS_UNFIT',
    `Cannot install packages on "${node.name}": the bundle has none for ${id}, it has ${known || 'no repository'}`,
    { hint: 'Build a bundle whose manifests/os describes this operating system' },
  );
}
