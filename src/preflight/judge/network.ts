import { addressesOf, networkContains, networksOverlap, networkWithin, normalAddress } from '../../cluster/index.ts';
import { isLoopback } from '../loopback.ts';
import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';

/**
 * Finds networks of the host that meet those of containers and services. On a host with our agent, what lies inside them is
 * there because containers run.
 */
export function checkNetworks({ facts, state }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const { podCIDR, serviceCIDR } = topology.spec.network;
  return Object.entries({ podCIDR, serviceCIDR }).flatMap(([key, cidr]) => {
    const route = facts.routes.find((known) => networksOverlap(known, cidr) && !(state.agent && networkWithin(known, cidr)));
    if (route !== undefined)
      return finding(`its network ${route} overlaps network.${key} (${cidr})`, `Choose another network.${key} in cluster.yaml`);
    const address = state.agent ? undefined : facts.addresses.find((known) => networkContains(cidr, known));
    return address === undefined
      ? []
      : finding(`its address ${address} lies in network.${key} (${cidr})`, `Choose another network.${key} in cluster.yaml`);
  });
}

/**
 * The address in cluster.yaml must be one of the host's interfaces, because services listen on it. A public address that
 * a router translates is not.
 */
export function checkAddress({ node, facts }: ObservedHost): readonly Finding[] {
  if (facts.addresses.some((address) => normalAddress(address) === normalAddress(node.address))) return [];
  const others = facts.addresses.filter((address) => !isLoopback(address)).join(', ');
  return finding(`its address ${node.address} is none of its own (${others})`, 'Write an address of the host itself into cluster.yaml');
}

/** Finds names of the cluster that /etc/hosts gives another address: those lines would win over ours. */
export function checkNames({ node, state }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const wanted = new Map<string, readonly string[]>(topology.spec.nodes.map(({ name, address }) => [name, [address]]));
  for (const declared of topology.platform.hostNames) {
    const addresses = addressesOf(topology, declared);
    if (addresses.length > 0) for (const name of declared.names) wanted.set(name, addresses);
  }
  return state.hostNames.flatMap(({ address, names }) =>
    names.flatMap((name) => {
      const expected = wanted.get(name);
      // Distributions map a host's own name to a loopback address.
      const own = name === node.name && isLoopback(address);
      if (expected === undefined || expected.includes(address) || own) return [];
      return finding(
        `/etc/hosts says that "${name}" is ${address}, cluster.yaml says ${expected.join(' and ')}`,
        'Remove the line from /etc/hosts, or correct cluster.yaml',
      );
    }),
  );
}
