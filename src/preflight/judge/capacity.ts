import type { NodeSpec, Topology } from '../../cluster/index.ts';
import { formatSize } from '../../core/index.ts';
import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';

/** Returns the CPUs, memory and disk that each role of a node requires. */
export function requirementsOf(node: NodeSpec, topology: Topology) {
  return node.roles.flatMap((name) => {
    const role = topology.manifests.roles.get(name);
    return role === undefined ? [] : [{ role: name, ...role.requires }];
  });
}

export function checkCpus({ node, facts }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  return requirementsOf(node, topology).flatMap(({ role, cpus }) =>
    facts.cpus >= cpus
      ? []
      : finding(`it has ${facts.cpus} CPUs, role "${role}" wants ${cpus}`, 'Give it more CPUs, or give the role to another host'),
  );
}

export function checkMemory({ node, facts }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  return requirementsOf(node, topology).flatMap(({ role, memory }) =>
    facts.memoryBytes >= memory
      ? []
      : finding(
          `it has ${formatSize(facts.memoryBytes)} of memory, role "${role}" wants ${formatSize(memory)}`,
          'Give it more memory, or give the role to another host',
        ),
  );
}
