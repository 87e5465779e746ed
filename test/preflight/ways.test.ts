import { createServer } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology } from '../../src/cluster/index.ts';
import { openLocalHost } from '../../src/host/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import { parseWays, tryWays, waysFrom, type Way } from '../../src/preflight/ways.ts';
import { clusterYaml, MANIFESTS, THREE_NODES, type SampleNode } from '../support/sample-install.ts';
import { freePort } from '../support/free-port.ts';
import { memoryTree } from '../support/memory-tree.ts';

let manifests: Manifests;
beforeAll(async () => {
  manifests = await loadManifests(memoryTree(MANIFESTS));
});

/** The ways of a node, as TO:PORT SERVICE. */
function ways(
  name: string,
  options: { readonly nodes?: readonly SampleNode[]; readonly installed?: readonly string[]; readonly down?: string } = {},
): readonly string[] {
  const { nodes = THREE_NODES, installed = [], down } = options;
  const topology = resolveTopology(parseClusterSpec(clusterYaml(nodes), 'cluster.yaml'), manifests);
  const node = topology.spec.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`there is no node ${name}`);
  const connected = new Set(nodes.map((candidate) => candidate.name).filter((candidate) => candidate !== down));
  const seed = { name: 'm1', address: '10.0.0.11' };
  return waysFrom(node, new Set(installed), { topology, seed, connected }).map(({ to, port, service }) => `${to}:${port} ${service}`);
}

describe('waysFrom', () => {
  it('leads to the depot and to the TCP ports of what a host needs from others', () => {
    expect(ways('f1')).toEqual(['m1:5443 the depot', 'm1:2379 store']);
  });

  it('leads from the seed to every agent', () => {
    expect(ways('m1')).toEqual(['f1:6100 the agent', 'f2:6100 the agent']);
  });

  it('leaves out what runs on the host already, and hosts that are not connected', () => {
    expect(ways('f1', { installed: ['web'] })).toEqual(['m1:5443 the depot']);
    expect(ways('m1', { down: 'f1' })).toEqual(['f2:6100 the agent']);
  });

  it('leads to the other hosts of a component that lists its own, at most five of them', async () => {
    const store = (MANIFESTS['components/store/component.yaml'] ?? '')
      .replace('placement: one', 'values: { members: { each: store, as: "${each.address}" } }')
      .replace('- { port: 2379 }', '- { port: 2379 }\n  - { port: 9000, address: 127.0.0.1 }');
    manifests = await loadManifests(memoryTree({ ...MANIFESTS, 'components/store/component.yaml': store }));
    const nodes = Array.from({ length: 9 }, (_, index) => ({ name: `m${index + 1}`, address: `10.0.0.${index + 11}`, roles: ['manage'] }));
    expect(ways('m7', { nodes })).toEqual([
      'm1:5443 the depot',
      'm1:2379 store',
      'm2:2379 store',
      'm3:2379 store',
      'm4:2379 store',
      'm5:2379 store',
    ]);
  });
});

describe('tryWays', () => {
  const way = (address: string, port: number): Way => ({ to: 'there', address, port, service: 'x' });

  it('takes a port that listens and one that does not for open ways, of both families', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const listening = typeof address === 'object' && address !== null ? address.port : 0;
    const host = openLocalHost({ name: 'here' });
    const all = [way('127.0.0.1', listening), way('127.0.0.1', await freePort()), way('::1', await freePort())];
    const tried = await tryWays(host, all, new AbortController().signal);
    server.close();
    expect(tried.map(({ outcome }) => outcome)).toEqual(['open', 'open', 'open']);
    expect(new Set(tried.map(({ address: to, port }) => `${to} ${port}`))).toEqual(
      new Set(all.map(({ address: to, port }) => `${to} ${port}`)),
    );
  });

  it('asks nothing when there is nothing to try', async () => {
    const host = { ...openLocalHost({ name: 'here' }), run: async () => Promise.reject(new Error('asked')) };
    expect(await tryWays(host, [], new AbortController().signal)).toEqual([]);
  });
});

describe('parseWays', () => {
  const ways: readonly Way[] = [{ to: 'm1', address: 'fd00::11', port: 5443, service: 'the depot' }];

  it('reads an outcome with its reason', () => {
    expect(parseWays('barred fd00::11 5443 No route to host\n', ways)).toEqual([
      { ...ways[0], outcome: 'barred', reason: 'No route to host' },
    ]);
    expect(parseWays('silent fd00::11 5443\n', ways)).toEqual([{ ...ways[0], outcome: 'silent', reason: '' }]);
  });

  it('passes over what was not asked', () => {
    expect(parseWays('bash: warning\nopen 10.0.0.1 22\nsilent fd00::11 5444\n\n', ways)).toEqual([]);
  });
});
