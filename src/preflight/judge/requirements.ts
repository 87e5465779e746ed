import { formatDuration, formatSize } from '../../core/index.ts';
import type { HostFinding } from '../findings.ts';
import { finding, warning, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';
import { CLOCK_TOLERANCE_MS } from './system.ts';

/** Finds kernel modules that components of the node load and that its kernel does not have. */
export function checkModules({ node, state }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  return state.missingModules.flatMap((name) => {
    const users = topology.componentsOf(node.name).filter(({ modules }) => modules.includes(name));
    if (users.length === 0) return [];
    const options = [...new Set(users.flatMap(({ when }) => Object.keys(when)))].map((option) => `options.${option}`);
    const another = options.length === 0 ? '' : `, or choose another ${options.join(' or ')} in cluster.yaml`;
    return finding(
      `its kernel has no module "${name}", which ${namesOf(users)} needs`,
      `Boot a kernel that has it (find /lib/modules -name "${name}.ko*"), with modprobe of the package kmod${another}`,
    );
  });
}

/** Finds components that do not run with the control groups of the host. */
export function checkControlGroups({ node, facts }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const version = facts.cgroupVersion;
  if (version === undefined) return [];
  const users = topology.componentsOf(node.name).filter(({ requires }) => requires.cgroups?.includes(version) === false);
  if (users.length === 0) return [];
  const names = namesOf(users);
  return finding(
    `its control groups are of version ${version}, with which ${names} does not run`,
    version === 2
      ? 'Boot it with systemd.unified_cgroup_hierarchy=0 on the command line of the kernel, as far as its systemd still has version 1'
      : 'Boot it with systemd.unified_cgroup_hierarchy=1 on the command line of the kernel',
  );
}

export function checkSwap({ node, facts }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  if (facts.swapBytes === 0) return [];
  const users = topology.componentsOf(node.name).filter(({ requires }) => !requires.swap);
  if (users.length === 0) return [];
  return warning(
    `it has ${formatSize(facts.swapBytes)} of swap, without which ${namesOf(users)} should run`,
    'swapoff --all, and take the swap out of /etc/fstab; what swaps answers late',
  );
}

export function checkWrites({ writes }: ObservedHost): readonly Finding[] {
  return writes
    .filter(({ took, milliseconds }) => took > milliseconds)
    .flatMap(({ component, directory, took, milliseconds }) =>
      warning(
        `a synced write in ${directory} takes ${took.toFixed(1)} ms, ${component} wants ${milliseconds} ms or less`,
        'Give the directory a faster disk of its own (SSD), or find out what else writes to it',
      ),
    );
}

function namesOf(components: readonly { readonly name: string }[]): string {
  return components.map(({ name }) => name).join(' and ');
}

/**
 * Finds nodes whose clocks differ too much from one another although each is near enough to that of this machine.
 */
export function checkClocks(hosts: readonly ObservedHost[]): readonly HostFinding[] {
  const near = hosts.filter(({ isNode, facts }) => isNode && Math.abs(facts.clockDifferenceMs) <= CLOCK_TOLERANCE_MS);
  const [slowest] = near.toSorted((left, right) => left.facts.clockDifferenceMs - right.facts.clockDifferenceMs);
  if (slowest === undefined) return [];
  return near.flatMap(({ node, facts }): HostFinding[] => {
    const ahead = facts.clockDifferenceMs - slowest.facts.clockDifferenceMs;
    if (ahead <= CLOCK_TOLERANCE_MS) return [];
    const problem = `its clock is ${formatDuration(ahead)} ahead of that of "${slowest.node.name}", at most ${formatDuration(CLOCK_TOLERANCE_MS)} is borne`;
    return [{ host: node.name, problem, remedy: 'Set both, and keep them set with a time server of the site (chrony)' }];
  });
}
