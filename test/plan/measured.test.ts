import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatAgentConfig, parseAgentConfig } from '../../src/agent/index.ts';
import { parseClusterSpec, resolveTopology, type Topology } from '../../src/cluster/index.ts';
import { directoryTree } from '../../src/io/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { measuredOn } from '../../src/plan/wanted/measured.ts';
import { SITE_TOOLS } from '../support/site-tools.ts';

const CLUSTER = `apiVersion: caisson/v1
kind: Cluster
name: prod
variables: { root: /srv/platform }
nodes:
  - { name: m1, address: 10.0.0.11, roles: [manage, gateway] }
  - { name: c1, address: 10.0.0.12, roles: [compute] }
`;
let topology: Topology;

beforeAll(async () => {
  const manifests = await loadManifests(directoryTree(resolve(import.meta.dirname, '../../manifests')));
  topology = resolveTopology(parseClusterSpec(CLUSTER, 'cluster.yaml'), manifests);
});

function measured(name: string) {
  const node = topology.spec.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`there is no ${name}`);
  return measuredOn({ topology, tools: SITE_TOOLS }, node, '/etc/caisson/pki/node.crt');
}

describe('measuredOn', () => {
  it('names the certificate of the node, and those of its components by their files', () => {
    const { certificates } = measured('m1');
    expect(certificates[0]).toEqual({ component: 'caisson', name: 'node', path: '/etc/caisson/pki/node.crt' });
    expect(certificates).toContainEqual({ component: 'etcd', name: 'etcd', path: '/srv/platform/etc/etcd/ssl/tls.crt' });
    expect(measured('c1').certificates.map(({ component }) => component)).not.toContain('etcd');
  });

  it('names every certificate of a component once, so that its two labels are one series', () => {
    const series = measured('m1').certificates.map(({ component, name }) => `${component}/${name}`);
    expect(new Set(series).size).toBe(series.length);
  });

  it('names the root, the directories of Caisson, the engine and the platform, and those of the components', () => {
    const { directories } = measured('m1');
    expect(directories).toEqual(
      expect.arrayContaining(['/', '/var/lib/caisson', '/var/lib/docker', '/opt/rainbond/conf', '/srv/platform/data/etcd']),
    );
    expect(directories).toEqual([...new Set(directories)].sort());
    expect(measured('c1').directories).not.toContain('/srv/platform/data/etcd');
  });

  it('is what the agent reads', () => {
    const config = formatAgentConfig({
      cluster: 'prod',
      node: { name: 'm1', address: '10.0.0.11', uuid: 'u', roles: [] },
      definitions: '/d',
      state: '/s',
      listen: { address: '10.0.0.11', port: 1 },
      tls: { certificate: '/c', key: '/k', authority: '/a' },
      ...measured('m1'),
    });
    expect(parseAgentConfig(config, 'agent.yaml')).toMatchObject(measured('m1'));
  });
});
