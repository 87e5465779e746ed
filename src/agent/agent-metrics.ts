import type { MetricFamily } from '../server/index.ts';
import { COMPONENT_STATES } from './component-state.ts';
import type { AgentStatus, ComponentStatus } from './status.ts';

type Value = (component: ComponentStatus) => number | undefined;

/**
 * The state of a node as metrics of Prometheus: of each component whether it is healthy, its state and since when, failed
 * probes in a row and restarts. Labels have the names of components and states alone, so that the number of series is that
 * of the components.
 */
export function agentMetrics({ version, components, problems }: AgentStatus): readonly MetricFamily[] {
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
  ];
}
