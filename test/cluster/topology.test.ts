import { beforeAll, describe, expect, it } from 'vitest';
import { nodeUuid, parseClusterSpec, readTopology, resolveTopology, scopeFor, type Topology } from '../../src/cluster/index.ts';
import { loadManifests, renderData, renderTemplate, type Manifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { SAMPLE, SAMPLE_CLUSTER } from '../manifests/sample-manifests.ts';

let manifests: Manifests;
let topology: Topology;

beforeAll(async () => {
  manifests = await loadManifests(memoryTree(SAMPLE));
  topology = resolveTopology(parseClusterSpec(SAMPLE_CLUSTER, 'cluster.yaml', manifests), manifests);
});

function names(hosts: readonly { readonly name: string }[]): string[] {
  return hosts.map((host) => host.name);
}

describe('resolveTopology', () => {
  it('places components by roles, on every host or the first, and not beside what excludes them', () => {
    expect(names(topology.hostsOf('docker'))).toEqual(['m1', 'm2', 'c1']);
    expect(names(topology.hostsOf('store'))).toEqual(['m1', 'm2']);
    expect(names(topology.hostsOf('web'))).toEqual(['m1']);
    expect(names(topology.hostsOf('store-proxy'))).toEqual(['c1']);
    expect(names(topology.componentsOf('c1'))).toEqual(['docker', 'store-proxy']);
    expect(topology.first('store')?.name).toBe('m1');
    expect(topology.hostsOf('nothing')).toEqual([]);
    expect(names(topology.hostsWithRole('compute'))).toEqual(['m1', 'c1']);
    expect(topology.packageSetsOf('m1')).toEqual(['base', 'docker']);
    expect(topology.packageSetsOf('c1')).toEqual(['docker']);
  });

  it('orders components and their placements by what they need: on the same host, else everywhere', () => {
    expect(names(topology.components)).toEqual(['docker', 'store', 'store-proxy', 'web']);
    const needs = new Map(topology.placements.map(({ id, needs: own }) => [id, own.flatMap((need) => need.placements)]));
    expect(needs.get('store/m2')).toEqual(['docker/m2']);
    expect(needs.get('store-proxy/c1')).toEqual(['docker/c1', 'store/m1', 'store/m2']);
    const order = topology.placements.map((placement) => placement.id);
    for (const [id, needed] of needs) for (const need of needed) expect(order.indexOf(need)).toBeLessThan(order.indexOf(id));
  });

  it('needs nothing where another component takes the place of what is needed', () => {
    const near = {
      ...SAMPLE,
      'components/web/component.yaml': (SAMPLE['components/web/component.yaml'] ?? '').replace(/^needs: \[/m, 'needs: [store-proxy, '),
    };
    return loadManifests(memoryTree(near)).then((changed) => {
      const needsOf = (text: string): readonly string[] => {
        const { placements } = resolveTopology(parseClusterSpec(text, 'cluster.yaml', changed), changed);
        return placements.filter(({ id }) => id === 'web/m1').flatMap(({ needs }) => needs.flatMap((need) => need.placements));
      };
      expect(needsOf(SAMPLE_CLUSTER)).not.toContain('store-proxy/c1');
      // Every host that could run it runs a store.
      expect(needsOf(SAMPLE_CLUSTER.replace(/^.*name: c1.*\n/m, ''))).toEqual(needsOf(SAMPLE_CLUSTER));
    });
  });

  it('fills in the platform with its variables, and lets cluster.yaml replace them', () => {
    expect(topology.platform.definitionsDirectory).toBe('/opt/sample/conf');
    const spec = parseClusterSpec(`${SAMPLE_CLUSTER}variables: { root: /srv/x }\n`, 'cluster.yaml', manifests);
    const changed = resolveTopology(spec, manifests);
    expect(changed.platform.definitionsDirectory).toBe('/srv/x/conf');
    expect(changed.platform.registry?.name).toBe('registry.example');
  });

  it('refuses a cluster whose roles are too few or leave a need unmet, with the line and what to add', () => {
    const text = 'apiVersion: caisson/v1\nkind: Cluster\nname: p\nnodes: [{ name: c1, address: 10.0.0.1, roles: [compute] }]\n';
    expect(() => readTopology(text, 'c.yaml', manifests)).toThrow(
      [
        'Cannot use "c.yaml":',
        '  c.yaml:4:1: nodes: 0 hosts have the role "manage", at least 1 must (add "manage" to the roles of a host)',
        '  c.yaml:4:1: nodes: "store-proxy" needs "store", which no host runs (give a host the role "manage")',
      ].join('\n'),
    );
  });

  it('refuses a host too many for a role, at its line', () => {
    const nodes = [1, 2, 3, 4].map((index) => `  - { name: m${index}, address: 10.0.0.${index}, roles: [compute, manage] }\n`);
    const text = `apiVersion: caisson/v1\nkind: Cluster\nname: p\nnodes:\n${nodes.join('')}`;
    expect(() => readTopology(text, 'c.yaml', manifests)).toThrow(
      'c.yaml:8:53: nodes[3].roles[1]: 4 hosts have the role "manage", at most 3 may',
    );
  });

  it('names paths alone when the cluster is in no document', () => {
    const spec = { ...topology.spec, variables: { rot: '/x' } };
    expect(() => resolveTopology(spec, manifests)).toThrow('cluster.yaml: variables.rot: the platform has no variable "rot"');
  });

  it('leaves out what the cluster is set up without, and those who need it do not miss it', async () => {
    const store = (SAMPLE['components/store/component.yaml'] ?? '').replace('needs: [docker]', 'needs: [docker]\nwhen: { data: [own] }');
    const platform = `${SAMPLE['platform.yaml'] ?? ''}options:
  - { name: data, summary: Where data is kept, default: own, choices: { own: { summary: Here }, site: { summary: There } } }
`;
    const changed = await loadManifests(memoryTree({ ...SAMPLE, 'platform.yaml': platform, 'components/store/component.yaml': store }));
    const own = resolveTopology(parseClusterSpec(SAMPLE_CLUSTER, 'cluster.yaml', changed), changed);
    expect(names(own.hostsOf('store'))).toEqual(['m1', 'm2']);
    const result = resolveTopology(parseClusterSpec(`${SAMPLE_CLUSTER}options: { data: site }\n`, 'cluster.yaml', changed), changed);
    expect(names(result.hostsOf('store'))).toEqual([]);
    expect(result.placements.find((placement) => placement.id === 'web/m1')?.needs).toEqual([]);
    // Nothing excludes it any more.
    expect(names(result.hostsOf('store-proxy'))).toEqual(['m1', 'c1']);
  });
});

describe('scopeFor', () => {
  it('fills in templates and services for one host', () => {
    const [host] = topology.hostsOf('store').slice(1);
    const store = manifests.components.get('store');
    if (host === undefined || store === undefined) throw new Error('the sample has a store on two hosts');
    const scope = scopeFor(topology, host, { component: 'store', secrets: { 'store-root': 's3' } });
    expect(renderTemplate(store.templateText('store.conf'), scope, 'store.conf')).toBe('name=m2 (1 of 2)\npassword=s3\nprice=5$ ${HOME}\n');
    expect(renderData(store.services[0]?.container?.arguments, scope, 'store')).toEqual([
      '--members=m1=https://10.0.0.11:2380/0,m2=https://[fd00::12]:2380/1',
    ]);
    expect(renderTemplate('${node.urlAddress} ${node.roles} ${cluster.registry} ${depot.endpoint} ${first.web.address}', scope, 'x')).toBe(
      '[fd00::12] manage registry.example depot.prod.internal:5443 10.0.0.11',
    );
  });

  it('knows no secrets unless they are given', () => {
    const [host] = topology.spec.nodes;
    if (host === undefined) throw new Error('the sample has hosts');
    expect(() => renderTemplate('${secret.store-root}', scopeFor(topology, host, { component: 'store' }), 'x')).toThrow(/there is no/);
  });

  it('gives a node the same id always, and another to another node', () => {
    expect(nodeUuid('prod', 'm1')).toBe(nodeUuid('prod', 'm1'));
    expect(nodeUuid('prod', 'm1')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set([nodeUuid('prod', 'm1'), nodeUuid('prod', 'm2'), nodeUuid('test', 'm1')]).size).toBe(3);
  });
});

describe('a list over alerts', () => {
  const store = SAMPLE['components/store/component.yaml'] ?? '';
  const ALERT =
    "{ name: Lost, for: 1m, severity: critical, expr: 'up{c=\"${component.name}\"} < ${component.count}', summary: '{{ $value }} of ${var.root}' }";
  const rules =
    '  rules: { of: alerts, join: "; ", as: "${node.name} ${alert.name} ${alert.component} ${alert.for} ${alert.severity} ${alert.expr} ${alert.summary}" }\n';

  async function listOn(cluster: string, host: string): Promise<string> {
    const changed = await loadManifests(
      memoryTree({
        ...SAMPLE,
        'components/store/component.yaml': `${store.replace('values:\n', `values:\n${rules}`)}alerts: [${ALERT}]\n`,
        'components/store-proxy/component.yaml': `${SAMPLE['components/store-proxy/component.yaml'] ?? ''}alerts: [{ name: Gone, expr: up == 0, summary: It is gone }]\n`,
      }),
    );
    const found = resolveTopology(parseClusterSpec(cluster, 'cluster.yaml'), changed);
    const node = found.spec.nodes.find(({ name }) => name === host);
    if (node === undefined) throw new Error(`there is no ${host}`);
    return renderTemplate('${value.rules}', scopeFor(found, node, { component: 'store' }), 'test');
  }

  it('has an item for each alert of a component of the cluster, with the count of its hosts', async () => {
    expect(await listOn(SAMPLE_CLUSTER, 'm2')).toBe(
      'm2 Lost store 1m critical up{c="store"} < 2 {{ $value }} of /opt/sample; m2 Gone store-proxy 5m warning up == 0 It is gone',
    );
  });

  it('has none of a component that is not in the cluster', async () => {
    expect(await listOn(SAMPLE_CLUSTER.replace(/^.*name: c1.*\n/m, ''), 'm1')).toBe(
      'm1 Lost store 1m critical up{c="store"} < 2 {{ $value }} of /opt/sample',
    );
  });
});
