import type { HostFacts } from '../../host/index.ts';
import type { HostFinding } from '../findings.ts';
import type { ObservedHost } from './finding.ts';

/** Finds nodes with the same host name or machine id, as clones of one machine have. */
export function checkIdentities(hosts: readonly ObservedHost[]): readonly HostFinding[] {
  const nodes = hosts.filter(({ isNode }) => isNode);
  const clashes = (what: string, valueOf: (facts: HostFacts) => string | undefined, remedy: string): readonly HostFinding[] =>
    nodes.flatMap(({ node, facts }, index) => {
      const value = valueOf(facts);
      const other = value === undefined ? undefined : nodes.slice(0, index).find((earlier) => valueOf(earlier.facts) === value);
      return other === undefined
        ? []
        : [{ host: node.name, problem: `its ${what} "${value ?? ''}" is also that of "${other.node.name}"`, remedy }];
    });
  return [
    ...clashes('host name', (facts) => facts.hostname, 'Give each host a name of its own: hostnamectl set-hostname NAME'),
    ...clashes(
      'machine id',
      (facts) => facts.machineId,
      'Make a new one: rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot',
    ),
  ];
}
