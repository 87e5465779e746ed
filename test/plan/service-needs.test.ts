import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { AGENT_RECORD, formatAgentConfig, parseAgentConfig } from '../../src/agent/index.ts';
import { parseClusterSpec, resolveTopology, type Topology } from '../../src/cluster/index.ts';
import { directoryTree } from '../../src/io/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { serviceNeeds } from '../../src/plan/wanted/service-needs.ts';
import { HOST_RECORD } from '../../src/site/index.ts';

const CLUSTER = `apiVersion: caisson/v1
kind: Cluster
name: prod
nodes:
  - { name: m1, address: 10.0.0.11, roles: [manage] }
  - { name: m2, address: 'fd00::2', roles: [manage] }
  - { name: m3, address: 10.0.0.13, roles: [manage] }
  - { name: g1, address: 10.0.0.14, roles: [gateway, compute] }
`;
let topology: Topology;

beforeAll(async () => {
  const manifests = await loadManifests(directoryTree(resolve(import.meta.dirname, '../../manifests')));
  topology = resolveTopology(parseClusterSpec(CLUSTER, 'cluster.yaml'), manifests);
});

function needsOn(name: string) {
  const node = topology.spec.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`there is no ${name}`);
  return serviceNeeds({ topology }, node);
}

describe('serviceNeeds', () => {
  it('lists what is on the node by its services, and what is elsewhere by the ports of its endpoints', () => {
    const needs = needsOn('g1');
    expect(needs['rbd-dns']).toEqual([{ component: 'docker', least: 1, places: [{ node: 'g1', services: ['docker'] }] }]);
    expect(needs['rbd-gateway']).toContainEqual({
      component: 'etcd',
      least: 2,
      places: [
        { node: 'm1', addresses: ['10.0.0.11:2379'] },
        { node: 'm2', addresses: ['[fd00::2]:2379'] },
        { node: 'm3', addresses: ['10.0.0.13:2379'] },
      ],
    });
    expect(needsOn('m1')['etcd']).toEqual([{ component: 'docker', least: 1, places: [{ node: 'm1', services: ['docker'] }] }]);
    expect(needs['docker']).toBeUndefined();
  });

  it('is what the agent reads', () => {
    const config = formatAgentConfig({
      cluster: 'prod',
      node: { name: 'g1', address: '10.0.0.14', uuid: 'u', roles: [] },
      definitions: '/d',
      state: '/s',
      listen: { address: '10.0.0.14', port: 1 },
      tls: { certificate: '/c', key: '/k', authority: '/a' },
      needs: needsOn('g1'),
    });
    expect(parseAgentConfig(config, 'agent.yaml').needs).toEqual(needsOn('g1'));
  });

  it('and the mark of a run are read where runs write it', () => {
    expect(AGENT_RECORD).toBe(HOST_RECORD);
  });
});
