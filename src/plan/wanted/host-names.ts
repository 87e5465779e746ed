import { addressesOf, type Topology } from '../../cluster/index.ts';
import type { DepotAddress } from '../declared.ts';

/** Lines of /etc/hosts for every node: the depot, all nodes, and the host names that the platform declares. */
export function hostNames(topology: Topology, depot: DepotAddress): readonly string[] {
  const wanted = topology.platform.hostNames.flatMap((declared) =>
    addressesOf(topology, declared).map((address) => `${address} ${declared.names.join(' ')}`),
  );
  return [`${depot.address} ${depot.name}`, ...topology.spec.nodes.map((node) => `${node.address} ${node.name}`), ...wanted];
}
