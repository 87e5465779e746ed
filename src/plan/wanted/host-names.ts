import type { Topology } from '../../cluster/index.ts';
import type { DepotAddress } from '../declared.ts';

/** The lines of /etc/hosts that every node gets: the depot, the nodes, and the names that the platform wants, by address. */
export function hostNames(topology: Topology, depot: DepotAddress): readonly string[] {
  const wanted = topology.platform.hostNames.flatMap(({ names, component }) => {
    const first = topology.first(component);
    return first === undefined ? [] : [`${first.address} ${names.join(' ')}`];
  });
  return [`${depot.address} ${depot.name}`, ...topology.spec.nodes.map((node) => `${node.address} ${node.name}`), ...wanted];
}
