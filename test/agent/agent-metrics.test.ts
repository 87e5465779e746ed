import { describe, expect, it } from 'vitest';
import { agentMetrics } from '../../src/agent/agent-metrics.ts';
import type { AgentStatus, Measures } from '../../src/agent/index.ts';
import { metricsResponse } from '../../src/server/index.ts';
import { bodyText } from '../support/http-request.ts';

const STATUS: AgentStatus = {
  node: { name: 'm1', address: '10.0.0.11', uuid: 'u-1' },
  roles: ['manage'],
  version: '1.2.3',
  time: '2026-01-01T00:01:00.000Z',
  components: [
    {
      name: 'etcd',
      state: 'healthy',
      since: '2026-01-01T00:00:00.500Z',
      reason: '',
      errors: 0,
      keep: { restarts: 2 },
      unit: { active: 'active', sub: 'running', restarts: 1 },
    },
    { name: 'docker', state: 'unhealthy', since: '2026-01-01T00:00:30.000Z', reason: 'docker info: exit status 1', errors: 4 },
  ],
  problems: [{ about: '/opt/conf/a.yaml', message: 'line 1' }],
};

const MEASURES: Measures = {
  certificates: [{ component: 'etcd', name: 'peers', notAfter: new Date('2026-06-01T00:00:00Z') }],
  fileSystems: [
    { mount: '/', room: { size: 4096, available: 1024, inodes: 100, inodesFree: 7 } },
    { mount: '/shared', room: undefined },
  ],
};

describe('agentMetrics', () => {
  it('gives each component its health, state, failures and restarts in the text format of Prometheus', async () => {
    const text = await bodyText(metricsResponse(agentMetrics(STATUS, MEASURES)));
    expect(text).toMatchInlineSnapshot(`
      "# HELP caisson_agent_info The agent, by its version.
      # TYPE caisson_agent_info gauge
      caisson_agent_info{version="1.2.3"} 1
      # HELP caisson_agent_problems Things that keep the agent from doing a part of its work.
      # TYPE caisson_agent_problems gauge
      caisson_agent_problems 1
      # HELP caisson_node_time_seconds Unix time by the clock of the node.
      # TYPE caisson_node_time_seconds gauge
      caisson_node_time_seconds 1767225660
      # HELP caisson_component_healthy Whether the component is healthy.
      # TYPE caisson_component_healthy gauge
      caisson_component_healthy{component="etcd"} 1
      caisson_component_healthy{component="docker"} 0
      # HELP caisson_component_state The state of the component: 1 for the one that it is in.
      # TYPE caisson_component_state gauge
      caisson_component_state{component="etcd",state="healthy"} 1
      caisson_component_state{component="etcd",state="unhealthy"} 0
      caisson_component_state{component="etcd",state="starting"} 0
      caisson_component_state{component="etcd",state="stopped"} 0
      caisson_component_state{component="etcd",state="unknown"} 0
      caisson_component_state{component="docker",state="healthy"} 0
      caisson_component_state{component="docker",state="unhealthy"} 1
      caisson_component_state{component="docker",state="starting"} 0
      caisson_component_state{component="docker",state="stopped"} 0
      caisson_component_state{component="docker",state="unknown"} 0
      # HELP caisson_component_state_since_timestamp_seconds Unix time since when the component is in its state.
      # TYPE caisson_component_state_since_timestamp_seconds gauge
      caisson_component_state_since_timestamp_seconds{component="etcd"} 1767225600.5
      caisson_component_state_since_timestamp_seconds{component="docker"} 1767225630
      # HELP caisson_component_failed_probes Failed probes in a row.
      # TYPE caisson_component_failed_probes gauge
      caisson_component_failed_probes{component="etcd"} 0
      caisson_component_failed_probes{component="docker"} 4
      # HELP caisson_component_restarts_total Restarts by the agent.
      # TYPE caisson_component_restarts_total counter
      caisson_component_restarts_total{component="etcd"} 2
      # HELP caisson_component_unit_restarts_total Restarts by systemd itself.
      # TYPE caisson_component_unit_restarts_total counter
      caisson_component_unit_restarts_total{component="etcd"} 1
      # HELP caisson_certificate_not_after_timestamp_seconds Unix time at which the certificate ends.
      # TYPE caisson_certificate_not_after_timestamp_seconds gauge
      caisson_certificate_not_after_timestamp_seconds{component="etcd",name="peers"} 1780272000
      # HELP caisson_file_system_answers Whether the file system answers.
      # TYPE caisson_file_system_answers gauge
      caisson_file_system_answers{mount="/"} 1
      caisson_file_system_answers{mount="/shared"} 0
      # HELP caisson_file_system_size_bytes Size of the file system.
      # TYPE caisson_file_system_size_bytes gauge
      caisson_file_system_size_bytes{mount="/"} 4096
      # HELP caisson_file_system_available_bytes Bytes that a program without special rights may still write.
      # TYPE caisson_file_system_available_bytes gauge
      caisson_file_system_available_bytes{mount="/"} 1024
      # HELP caisson_file_system_inodes Inodes of the file system; 0 where it has no fixed number of them.
      # TYPE caisson_file_system_inodes gauge
      caisson_file_system_inodes{mount="/"} 100
      # HELP caisson_file_system_inodes_free Inodes that are free.
      # TYPE caisson_file_system_inodes_free gauge
      caisson_file_system_inodes_free{mount="/"} 7
      "
    `);
  });
});
