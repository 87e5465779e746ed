import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, scopeFor, type Topology } from '../../src/cluster/index.ts';
import { directoryTree } from '../../src/io/index.ts';
import { loadManifests, renderTemplate, type Manifests } from '../../src/manifests/index.ts';
import { hostNames } from '../../src/plan/wanted/host-names.ts';
import { clusterYaml, type SampleNode } from '../support/sample-install.ts';

const NODES: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage', 'compute'] },
  { name: 'g1', address: '10.0.0.12', roles: ['gateway'] },
  { name: 'g2', address: '10.0.0.13', roles: ['gateway'] },
];
const DEPOT = { name: 'depot.caisson', address: '10.0.0.11', port: 5443 };
let manifests: Manifests;

beforeAll(async () => {
  manifests = await loadManifests(directoryTree(resolve(import.meta.dirname, '../../manifests')));
});

function topologyOf(vip: string): Topology {
  return resolveTopology(parseClusterSpec(clusterYaml(NODES, [`options: { vip: ${vip} }`]), 'cluster.yaml'), manifests);
}

/** A template of the component, filled in for a host. */
function templateOn(topology: Topology, host: string, template: string): string {
  const node = topology.spec.nodes.find(({ name }) => name === host);
  const component = manifests.components.get('keepalived');
  if (node === undefined || component === undefined) throw new Error(`there is no ${host}`);
  const scope = scopeFor(topology, node, { component: 'keepalived', secrets: { vip: 'password-of-gateways' } });
  return renderTemplate(component.templateText(template), scope, template);
}

/** Where the name server of a host sends the names of the platform. */
function recordsOf(topology: Topology): string {
  const [host] = topology.spec.nodes;
  const component = manifests.components.get('rbd-dns');
  if (host === undefined || component === undefined) throw new Error('there is no name server');
  const records = component.services[0]?.container?.arguments.find((word) => word.startsWith('--recoders=')) ?? '';
  return renderTemplate(records, scopeFor(topology, host, { component: 'rbd-dns' }), 'rbd-dns');
}

describe('the names of the shipped platform', () => {
  it('lead to the gateways without an address for them', () => {
    const topology = topologyOf('none');
    const lines = hostNames(topology, DEPOT).filter((line) => line.includes(' goodrain.me '));
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['10.0.0.12', '10.0.0.13']);
    expect(recordsOf(topology)).toMatch(/^--recoders=goodrain\.me=10\.0\.0\.12,\*\.goodrain\.me=10\.0\.0\.12,/);
    expect(topology.hostsOf('keepalived')).toEqual([]);
  });

  it.each(['keepalived', 'site'])('lead to the address, with the choice %s', (choice) => {
    const topology = topologyOf(`{ choice: ${choice}, address: 10.0.0.100 }`);
    const lines = hostNames(topology, DEPOT).filter((line) => line.includes('kubeapi.goodrain.me'));
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['10.0.0.100']);
    expect(recordsOf(topology)).toMatch(/^--recoders=goodrain\.me=10\.0\.0\.100,\*\.goodrain\.me=10\.0\.0\.100,/);
    expect(topology.hostsOf('keepalived').map(({ name }) => name)).toEqual(choice === 'site' ? [] : ['g1', 'g2']);
  });
});

describe('the gateways with a moving address', () => {
  it('know each other by their addresses, and themselves by their place among them', () => {
    const topology = topologyOf('{ choice: keepalived, address: 10.0.0.100 }');
    for (const [index, host] of ['g1', 'g2'].entries()) {
      const settings = templateOn(topology, host, 'settings');
      expect(settings).toContain('for address in 10.0.0.12 10.0.0.13; do');
      expect(settings).toContain(`priority=$((200 - ${index}))`);
      const own = `10.0.0.1${index + 2}`;
      expect(settings).toContain(`show to '${own}'`);
      expect(templateOn(topology, host, 'keepalived.conf')).toMatch(new RegExp(`unicast_src_ip ${own}\\n[^]*10\\.0\\.0\\.100\\n`));
    }
  });

  it('have the password in files of root alone', () => {
    const component = manifests.components.get('keepalived');
    const secret = component?.files.filter(({ template }) => component.templateText(template).includes('${secret.'));
    expect(secret?.map(({ template, mode }) => [template, mode])).toEqual([['settings', '0700']]);
    expect(component?.files.find(({ template }) => template === 'keepalived.conf')?.mode).toBe('0600');
  });
});
