import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle, type BundleReader } from '../../src/bundle/index.ts';
import { parseClusterSpec, resolveTopology, scopeFor, type Topology } from '../../src/cluster/index.ts';
import { directoryTree } from '../../src/io/index.ts';
import { loadManifests, renderTemplate, type Manifests } from '../../src/manifests/index.ts';
import { wantedOn, type Declared, type PlanStep } from '../../src/plan/index.ts';
import { type Resource, type ResourceOf } from '../../src/resources/index.ts';
import { openSiteKeys, seedLayout } from '../../src/site/index.ts';
import { fixedClock } from '../../src/core/index.ts';
import { planInstall } from '../../src/usecases/index.ts';
import { clusterYaml, shippedManifests, writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { simulatedSite } from '../support/simulated-site.ts';
import { SITE_TOOLS } from '../support/site-tools.ts';

const NODES: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage'] },
  { name: 'm2', address: '10.0.0.12', roles: ['manage', 'gateway'] },
  { name: 'm3', address: '10.0.0.13', roles: ['manage'] },
  { name: 'g1', address: '10.0.0.14', roles: ['gateway'] },
  { name: 'c1', address: '10.0.0.15', roles: ['compute'] },
];
const ADDED: SampleNode = { name: 'c2', address: '10.0.0.16', roles: ['compute'] };

const CHOICES = {
  none: 'none',
  nfs: 'nfs',
  nas: '{ choice: nas, server: 10.0.0.5, path: /export }',
  gfs: '{ choice: gfs, servers: [10.0.0.6, 10.0.0.7], volume: data }',
} as const;
type Choice = keyof typeof CHOICES;

let directory: string;
let manifests: Manifests;
let bundlePath: string;
let bundle: BundleReader;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-storage-'));
  manifests = await loadManifests(directoryTree(resolve(import.meta.dirname, '../../manifests')));
  bundlePath = await writeSampleBundle(join(directory, 'shipped.tar'), await shippedManifests());
  bundle = await openBundle(bundlePath);
});
afterAll(async () => {
  await bundle.close();
  await rm(directory, { recursive: true, force: true });
});

function topologyOf(choice: Choice, nodes = NODES): Topology {
  const yaml = clusterYaml(nodes, [`options: { storage: ${CHOICES[choice]} }`]);
  return resolveTopology(parseClusterSpec(yaml, 'cluster.yaml'), manifests);
}

function declaredOf(topology: Topology): Declared {
  const names = topology.spec.nodes.map(({ name }) => name);
  const [system] = manifests.operatingSystems;
  if (system === undefined) throw new Error('the shipped platform has an operating system');
  const layout = seedLayout(join(directory, 'seed'));
  return {
    topology,
    supply: { bundle, staged: [], keptOn: () => [], depot: { name: 'depot.caisson', address: '10.0.0.11', port: 5443 } },
    observed: {
      systems: new Map(names.map((name) => [name, system])),
      architectures: new Map(names.map((name) => [name, 'amd64'])),
      leaving: new Map(),
    },
    seed: {
      name: 'm1',
      layout,
      keys: openSiteKeys(layout, { name: 'sample', clock: fixedClock(Date.UTC(2026, 0, 1)), resolvePath: (path) => path }),
    },
    tools: SITE_TOOLS,
  };
}

async function wishesOn(choice: Choice, host: string): Promise<readonly Resource[]> {
  return wantedOn(declaredOf(topologyOf(choice)), host);
}

function mountsOf(wishes: readonly Resource[]): readonly (readonly [string, ResourceOf<'mount'>['spec']])[] {
  return wishes.flatMap((one) => (one.kind === 'mount' ? [[one.key, one.spec] as const] : []));
}

function directoryOf(wishes: readonly Resource[], path: string): { readonly owner: string; readonly contents: string | undefined } {
  const found = wishes.find((one): one is Resource & ResourceOf<'directory'> => one.kind === 'directory' && one.key === path);
  if (found === undefined) throw new Error(`there is no directory ${path}`);
  return { owner: found.owner, contents: found.spec.contents };
}

function exportsOf(topology: Topology): string {
  const server = topology.first('nfs-server');
  const component = manifests.components.get('nfs-server');
  if (server === undefined || component === undefined) throw new Error('the cluster has no server');
  return renderTemplate(component.templateText('exports'), scopeFor(topology, server, { component: 'nfs-server' }), 'exports');
}

describe.each(['nfs', 'nas', 'gfs', 'none'] as const)('storage: %s', (choice) => {
  const server = choice === 'nfs' ? ['m1'] : [];
  const mounted = choice === 'none' ? [] : ['m1', 'm2', 'm3', 'c1'].filter((host) => !server.includes(host));

  it('is mounted on managers and on hosts that run applications, and on no host that is a gateway alone', () => {
    const topology = topologyOf(choice);
    const hosts = (component: string): readonly string[] => topology.hostsOf(component).map(({ name }) => name);
    expect(hosts('storage')).toEqual(mounted);
    expect(hosts('nfs-server')).toEqual(server);
    expect(hosts('nfs-client')).toEqual(choice === 'nfs' || choice === 'nas' ? ['m1', 'm2', 'm3', 'c1'] : []);
    expect(hosts('gfs-client')).toEqual(choice === 'gfs' ? ['m1', 'm2', 'm3', 'c1'] : []);
  });

  it('brings its packages to the hosts that use them, and to no other', () => {
    const topology = topologyOf(choice);
    const sets = Object.fromEntries(
      NODES.map(({ name }) => [name, topology.packageSetsOf(name).filter((set) => /^(nfs|gfs)-/.test(set))] as const),
    );
    const client = { none: [], nfs: ['nfs-client'], nas: ['nfs-client'], gfs: ['gfs-client'] }[choice];
    expect(sets).toEqual({
      m1: choice === 'nfs' ? ['nfs-client', 'nfs-server'] : client,
      m2: client,
      m3: client,
      g1: [],
      c1: client,
    });
  });

  it('has every component that keeps files there wait for it', () => {
    const topology = topologyOf(choice);
    const late = topology.placements.filter(({ component, host, needs }) => {
      const uses = component.directories.some(({ path }) => path.startsWith('${var.shared}')) && component.name !== 'nfs-server';
      return uses && mounted.includes(host.name) && !needs.some((need) => need.placements.includes(`storage/${host.name}`));
    });
    expect(late.map(({ id }) => id)).toEqual([]);
  });

  it('leaves data in storage that others share to the one that keeps them', async () => {
    const wishes = await wishesOn(choice, 'm1');
    const own = { owner: 'rbd-hub', contents: choice === 'none' ? 'data' : 'shared' };
    expect(directoryOf(wishes, '/grdata/services/registry')).toEqual(own);
    const place = { none: 'data', nfs: 'data', nas: undefined, gfs: undefined }[choice];
    expect(directoryOf(wishes, '/grdata').contents).toBe(place);
  });
});

describe('what is mounted', () => {
  it.each([
    ['nfs', '10.0.0.11:/grdata', 'nfs4', 'vers=4.2,hard,noatime,nosuid,nodev'],
    ['nas', '10.0.0.5:/export', 'nfs', 'vers=3,nolock,noatime'],
    ['gfs', '10.0.0.6,10.0.0.7:/data', 'glusterfs', 'defaults'],
  ] as const)('with %s is %s', async (choice, what, type, options) => {
    expect(mountsOf(await wishesOn(choice, 'c1'))).toEqual([['/grdata', { what, type, options }]]);
    expect(mountsOf(await wishesOn(choice, 'g1'))).toEqual([]);
    expect(mountsOf(await wishesOn(choice, 'm1'))).toHaveLength(choice === 'nfs' ? 0 : 1);
  });

  it('has no program start without it', async () => {
    const definition = (wishes: readonly Resource[], name: string): Promise<string> => {
      const found = wishes.find((one): one is Resource & ResourceOf<'definition'> => one.kind === 'definition' && one.owner === name);
      return Promise.resolve(found?.spec.content.read()).then(String);
    };
    const wishes = await wishesOn('nfs', 'm2');
    const api = await definition(wishes, 'rbd-api');
    expect(api).toContain('- grdata.mount\n');
    expect(api).toContain("awk -v 'path=/grdata' '$5 == path { found = 1 } END { exit !found }' /proc/self/mountinfo || ");
    expect(await definition(wishes, 'rbd-mq')).not.toContain('mountinfo');
    expect(await definition(await wishesOn('nfs', 'm1'), 'rbd-api')).not.toContain('mountinfo');
    const storage = await definition(wishes, 'storage');
    expect(storage).toContain('unit: grdata.mount\n');
    expect(storage).toContain('on_unhealthy: start\n');
  });
});

describe('the exports of the server', () => {
  it('are to the addresses of the hosts that mount it, and follow when one comes or goes', () => {
    const lines = (topology: Topology): readonly string[] =>
      exportsOf(topology)
        .split('\n')
        .filter((line) => line.startsWith('/'));
    const to = (...addresses: readonly string[]): readonly string[] =>
      addresses.map((address) => `/grdata ${address}(rw,sync,no_subtree_check,no_root_squash)`);
    expect(lines(topologyOf('nfs'))).toEqual(to('10.0.0.12', '10.0.0.13', '10.0.0.15'));
    expect(lines(topologyOf('nfs', [...NODES, ADDED]))).toEqual(to('10.0.0.12', '10.0.0.13', '10.0.0.15', '10.0.0.16'));
    const withoutM3 = NODES.filter(({ name }) => name !== 'm3').map((node) =>
      node.name === 'm2' ? { ...node, roles: ['gateway'] } : node,
    );
    expect(lines(topologyOf('nfs', withoutM3))).toEqual(to('10.0.0.15'));
  });

  it('are taken up by a reload', async () => {
    const unit = (await wishesOn('nfs', 'm1')).find(
      (one): one is Resource & ResourceOf<'unit'> => one.kind === 'unit' && one.owner === 'nfs-server',
    );
    expect(unit?.spec.reloadOn).toEqual(['/etc/exports.d/rainbond.exports']);
    expect(unit?.spec.restartOn).not.toContain('/etc/exports.d/rainbond.exports');
  });
});

describe('the plan of a cluster with storage: nfs', () => {
  let steps: readonly PlanStep[];

  beforeAll(async () => {
    const more = ['options: { storage: nfs }'];
    const site = await simulatedSite({ directory, bundle: bundlePath, nodes: NODES, definitions: '/opt/rainbond/conf', more });
    steps = (await planInstall(site.options)).plan.steps;
  });

  function before(id: string): readonly string[] {
    const found = new Set<PlanStep>();
    const visit = (step: PlanStep): void => {
      for (const need of step.needs.filter((one) => !found.has(one))) {
        found.add(need);
        visit(need);
      }
    };
    const start = steps.find((step) => step.id === id);
    if (start === undefined) throw new Error(`there is no step ${id}`);
    visit(start);
    return [...found].map((step) => step.id);
  }

  it('mounts behind the packages and the gate of the server, and before anything is made below the mount', () => {
    const mount = 'configure-components/m2/storage-mounts';
    expect(before(mount)).toContain('install-packages/m2/nfs-client-packages');
    expect(before(mount)).toContain('check-components/m1/nfs-server');
    for (const later of [
      'configure-components/m2/rbd-api-configure',
      'start-components/m2/rbd-api-start',
      'start-components/m2/kubelet-start',
    ]) {
      if (steps.some(({ id }) => id === later))
        expect(before(later)).toEqual(expect.arrayContaining([mount, 'check-components/m2/storage']));
    }
    expect(before('configure-components/c1/storage-mounts')).toContain('check-components/m1/nfs-server');
    expect(before('start-components/c1/kubelet-start')).toContain('check-components/c1/storage');
  });

  it('has the server itself use the directory that it exports', () => {
    expect(steps.map(({ id }) => id)).not.toContain('configure-components/m1/storage-mounts');
    expect(before('configure-components/m1/rbd-api-configure')).not.toContain('configure-components/m1/storage-mounts');
  });
});
