import type { MetricFamily } from '../server/index.ts';
import { COMPONENT_STATES } from './component-state.ts';
import type { FileSystemUse, Room } from './measures/file-systems.ts';
import type { Measures } from './measures/node-measures.ts';
import type { AgentStatus, ComponentStatus } from './status.ts';

type Value = (component: ComponentStatus) => number | undefined;

/**
 * The state of a node as metrics of Prometheus: of each component whether it is healthy, its state and since when, failed
 * probes in a row and restarts; the node's time; the ends of its certificates and the room on its file systems. Labels have
 * names that the configuration of the agent decides, so that the number of series is bounded by the components.
 */
export function agentMetrics({ version, time, components, problems }: AgentStatus, measures: Measures): readonly MetricFamily[] {
  const family = (name: string, help: string, valueOf: Value, type: MetricFamily['type'] = 'gauge'): MetricFamily => ({
    name: `caisson_component_${name}`,
    type,
    help,
    samples: components.flatMap((component) => {
      const value = valueOf(component);
      return value === undefined ? [] : [{ labels: { component: component.name }, value }];
    }),
  });
  return [
    { name: 'caisson_agent_info', type: 'gauge', help: 'The agent, by its version.', samples: [{ labels: { version }, value: 1 }] },
    {
      name: 'caisson_agent_problems',
      type: 'gauge',
      help: 'Things that keep the agent from doing a part of its work.',
      samples: [{ labels: {}, value: problems.length }],
    },
    {
      name: 'caisson_node_time_seconds',
      type: 'gauge',
      help: 'Unix time by the clock of the node.',
      samples: [{ labels: {}, value: Date.parse(time) / 1000 }],
    },
    family('healthy', 'Whether the component is healthy.', ({ state }) => (state === 'healthy' ? 1 : 0)),
    {
      name: 'caisson_component_state',
      type: 'gauge',
      help: 'The state of the component: 1 for the one that it is in.',
      samples: components.flatMap(({ name, state }) =>
        COMPONENT_STATES.map((one) => ({ labels: { component: name, state: one }, value: one === state ? 1 : 0 })),
      ),
    },
    family('state_since_timestamp_seconds', 'Unix time since when the component is in its state.', ({ since }) => Date.parse(since) / 1000),
    family('failed_probes', 'Failed probes in a row.', ({ errors }) => errors),
    family('restarts_total', 'Restarts by the agent.', ({ keep }) => keep?.restarts, 'counter'),
    family('unit_restarts_total', 'Restarts by systemd itself.', ({ unit }) => unit?.restarts, 'counter'),
    {
      name: 'caisson_certificate_not_after_timestamp_seconds',
      type: 'gauge',
      help: 'Unix time at which the certificate ends.',
      samples: measures.certificates.map(({ component, name, notAfter }) => ({
        labels: { component, name },
        value: notAfter.getTime() / 1000,
      })),
    },
    ...fileSystemMetrics(measures.fileSystems),
  ];
}

function fileSystemMetrics(systems: readonly FileSystemUse[]): readonly MetricFamily[] {
  const family = (name: string, help: string, valueOf: (room: Room) => number): MetricFamily => ({
    name: `caisson_file_system_${name}`,
    type: 'gauge',
    help,
    samples: systems.flatMap(({ mount, room }) => (room === undefined ? [] : [{ labels: { mount }, value: valueOf(room) }])),
  });
  return [
    {
      name: 'caisson_file_system_answers',
      type: 'gauge',
      help: 'Whether the file system answers.',
      samples: systems.map(({ mount, room }) => ({ labels: { mount }, value: room === undefined ? 0 : 1 })),
    },
    family('size_bytes', 'Size of the file system.', ({ size }) => size),
    family('available_bytes', 'Bytes that a program without special rights may still write.', ({ available }) => available),
    family('inodes', 'Inodes of the file system; 0 where it has no fixed number of them.', ({ inodes }) => inodes),
    family('inodes_free', 'Inodes that are free.', ({ inodesFree }) => inodesFree),
  ];
}
