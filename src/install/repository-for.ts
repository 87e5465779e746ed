import type { BundleRepository } from '../bundle/index.ts';
import type { NodeSpec } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import type { InstallContext } from './context.ts';

/** The bundle's package repository for a node's operating system. Throws HOSTS_UNFIT when it has none. */
export function repositoryFor(context: InstallContext, node: NodeSpec): BundleRepository {
  const system = context.systems.get(node.name);
  const id = system === undefined ? 'unknown' : `${system.id}-${system.version}`;
  const repository = context.bundle.manifest.repositories.find((candidate) => candidate.id === id);
  if (repository !== undefined) return repository;
  const known = context.bundle.manifest.repositories.map((candidate) => candidate.id).join(', ');
  throw new CaissonError(
    'HOSTS_UNFIT',
    `Cannot install packages on "${node.name}": the bundle has none for ${id}, it has ${known || 'no repository'}`,
    {
      hint: 'Build a bundle whose manifests/os describes this operating system',
    },
  );
}
