import type { Topology } from './topology.ts';

/**
 * Names of the nodes that keep a copy of the bundle beside the seed's: the first nodes, in the order of cluster.yaml, of a role
 * that keeps it, as many as `depot.copies` asks for beyond the seed.
 */
export function bundleKeepers({ spec, manifests }: Pick<Topology, 'spec' | 'manifests'>, seed: string): readonly string[] {
  return spec.nodes
    .filter(({ name, roles }) => name !== seed && roles.some((role) => manifests.roles.get(role)?.keepsBundle === true))
    .slice(0, spec.depot.copies - 1)
    .map(({ name }) => name);
}
