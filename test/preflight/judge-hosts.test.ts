import { beforeAll, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, type NodeSpec } from '../../src/cluster/index.ts';
import { digestOf, formatSize } from '../../src/core/index.ts';
import type { FileSystemFacts, HostFacts, ListeningSocket } from '../../src/host/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import { stagedBundleName } from '../../src/site/index.ts';
import { HostsUnfitError } from '../../src/preflight/findings.ts';
import type { HostState } from '../../src/preflight/host-state.ts';
import { checkedPaths } from '../../src/preflight/judge/disk.ts';
import type { HostsToCheck, ObservedHost } from '../../src/preflight/judge/finding.ts';
import { judgeHosts } from '../../src/preflight/judge/judge-hosts.ts';
import { systemOf } from '../../src/preflight/judge/system.ts';
import type { TriedWay } from '../../src/preflight/ways.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { bundle, BUNDLE_SIZE, LAYER_SIZE } from './sample-bundle.ts';
import { clusterYaml, MANIFESTS, THREE_NODES, type SampleNode } from '../support/sample-install.ts';
import { siteToolsOf } from '../../src/resources/index.ts';
import { HOST_TOOLS, SITE_TOOLS } from '../support/site-tools.ts';

const GB = 1_000_000_000;

let manifests: Manifests;
beforeAll(async () => {
  manifests = await loadManifests(memoryTree(MANIFESTS));
});

const [MANAGE, FRONT] = THREE_NODES;
if (MANAGE === undefined || FRONT === undefined) throw new Error('the sample has three nodes');

function socket(address: string, port: number, protocol: 'tcp' | 'udp' = 'tcp', processes = ['nginx']): ListeningSocket {
  return { protocol, address, port, processes };
}

function facts(node: SampleNode, changes: Partial<HostFacts> = {}): HostFacts {
  return {
    hostname: node.name,
    os: { id: 'debian', version: '12', name: 'Debian GNU/Linux 12' },
    kernel: '6.1.0-18-amd64',
    architecture: 'amd64',
    systemd: 'running',
    cpus: 8,
    memoryBytes: 32 * GB,
    swapBytes: 0,
    overcommitMemory: 0,
    cgroupVersion: 2,
    machineId: `id-${node.name}`,
    productUuid: undefined,
    hostNames: [],
    addresses: ['127.0.0.1', node.address],
    routes: ['10.0.0.0/24'],
    sockets: [socket('0.0.0.0', 22, 'tcp', ['sshd'])],
    fileSystems: mounts({ '/': 500 * GB }),
    clockDifferenceMs: 0,
    ...changes,
  };
}

/** File systems by mount point with their free bytes; every path belongs to the longest mount that holds it. */
function mounts(free: Readonly<Record<string, number>>): ReadonlyMap<string, FileSystemFacts> {
  const points = Object.keys(free).sort((left, right) => right.length - left.length);
  return new Map(
    checkedPaths(SITE_TOOLS).map((path): [string, FileSystemFacts] => {
      const mount = points.find((point) => path === point || path.startsWith(point === '/' ? '/' : `${point}/`)) ?? '/';
      return [path, { mount, device: '/dev/vda', sizeBytes: 1000 * GB, freeBytes: free[mount] ?? 0 }];
    }),
  );
}

const FRESH: HostState = {
  agent: false,
  depot: false,
  executable: false,
  namesakes: [],
  components: new Set(),
  bundles: new Map(),
  hostNames: [{ address: '127.0.0.1', names: ['localhost'] }],
  engineFrozen: false,
  missingModules: [],
  strangers: { enginePackage: undefined, containers: [], brokenPackages: [] },
};

interface Change {
  readonly images?: ObservedHost['images'];
  readonly facts?: Partial<HostFacts>;
  readonly state?: Partial<HostState>;
  readonly ways?: readonly TriedWay[];
  readonly writes?: ObservedHost['writes'];
}

/** Checks three hosts that are fit but for the changes, by name. */
function check(
  changes: Readonly<Record<string, Change>> = {},
  request: Partial<HostsToCheck> & { readonly more?: readonly string[]; readonly manifests?: Manifests } = {},
) {
  const declared = request.manifests ?? manifests;
  const topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES, request.more ?? []), 'cluster.yaml'), declared);
  const hosts = topology.spec.nodes.map((node): ObservedHost => ({
    node,
    facts: facts(node, changes[node.name]?.facts),
    state: { ...FRESH, ...changes[node.name]?.state },
    ways: changes[node.name]?.ways ?? [],
    writes: changes[node.name]?.writes ?? [],
    images: changes[node.name]?.images,
    isNode: true,
    isSeed: node.name === 'm1',
  }));
  return judgeHosts({
    topology,
    bundle: bundle(),
    bundles: [request.bundle ?? bundle()],
    tools: SITE_TOOLS,
    hosts,
    ...request,
  });
}

/** What is found on a host that is changed so, as one text a finding. */
function problems(name: string, change: Change, request: Parameters<typeof check>[1] = {}): readonly string[] {
  const found = check({ [name]: change }, request);
  for (const { remedy } of found) expect(remedy).not.toBe('');
  return found.map(({ host, problem }) => `${host}: ${problem}`);
}

describe('preflight', () => {
  it('finds nothing on hosts that are fit', () => {
    expect(check()).toEqual([]);
  });

  it('finds everything on all hosts at once', () => {
    const found = check({
      m1: { facts: { cpus: 1, memoryBytes: GB, systemd: undefined } },
      f1: { facts: { clockDifferenceMs: -90_000, sockets: [socket('::', 80)] } },
      f2: { facts: { machineId: 'id-m1', architecture: 'arm64' } },
    });
    expect(found.map(({ host }) => host)).toEqual(['m1', 'm1', 'm1', 'f1', 'f1', 'f2', 'f2']);
    const error = new HostsUnfitError(found);
    expect(error).toMatchObject({ code: 'HOSTS_UNFIT', exitStatus: 6, hint: 'Nothing was changed' });
    for (const { problem, remedy } of found) {
      expect(error.message).toContain(problem);
      expect(error.message).toContain(remedy);
    }
  });

  it.each<[string, Partial<HostFacts>, RegExp]>([
    ['another distribution', { os: { id: 'fedora', version: '40', name: 'Fedora Linux 40' } }, /runs fedora 40 .*want one of: debian 12/],
    ['another version', { os: { id: 'debian', version: '11', name: 'Debian 11' } }, /runs debian 11/],
    ['a CPU that the bundle is not for', { architecture: 'arm64' }, /CPU is arm64, the bundle is for amd64/],
    ['no systemd', { systemd: undefined }, /systemd does not run/],
    ['a host that still boots', { systemd: 'starting' }, /"starting", want running or degraded/],
    ['an old kernel', { kernel: '2.6.32-754.el6' }, /kernel is 2\.6\.32/],
    ['a kernel of the same major that is too old', { kernel: '3.2.0' }, /want 3\.10 or newer/],
    ['memory that is not lent', { overcommitMemory: 2 }, /overcommit_memory is 2/],
    ['too few CPUs', { cpus: 1 }, /1 CPUs, role "manage" wants 2/],
    ['too little memory', { memoryBytes: 2 * GB }, /of memory, role "manage" wants/],
    ['a clock ahead', { clockDifferenceMs: 31_000 }, /clock is .* ahead of/],
    ['a clock behind', { clockDifferenceMs: -31_000 }, /clock is .* behind/],
    ['an address that is not its own', { addresses: ['127.0.0.1', '192.168.1.5'] }, /10\.0\.0\.11 is none of its own \(192\.168\.1\.5\)/],
  ])('refuses %s', (_, change, expected) => {
    const found = problems('m1', { facts: change });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it.each<[string, Partial<HostFacts>]>([
    ['a unit that failed somewhere', { systemd: 'degraded' }],
    ['the oldest kernel that will do', { kernel: '3.10.0-1160.el7' }],
    ['a clock that is nearly right', { clockDifferenceMs: 29_000 }],
    ['exactly what the role wants', { cpus: 2, memoryBytes: 4 * GB }],
    ['an address written in another way', { addresses: ['10.0.0.11', 'fd00:0::1'] }],
  ])('bears %s', (_, change) => {
    expect(problems('m1', { facts: change })).toEqual([]);
  });

  it.each([
    ['no SELinux', undefined, []],
    ['a permissive one', { isEnforcing: false, hasContainerPolicy: false }, []],
    ['an enforcing one with the policy for containers', { isEnforcing: true, hasContainerPolicy: true }, []],
    ['an enforcing one without it', { isEnforcing: true, hasContainerPolicy: false }, ['container-selinux']],
  ])('finds a host that runs containers and has %s', (_, selinux, missing) => {
    const found = problems('f1', { facts: { selinux } });
    expect(found).toHaveLength(missing.length);
    for (const name of missing) expect(found[0]).toContain(`the package ${name}`);
  });

  it('is content with SELinux where the bundle has the policy, or where no containers run', () => {
    const enforcing = { facts: { selinux: { isEnforcing: true, hasContainerPolicy: false } } };
    const policy = { name: 'container-selinux', version: '2:1-1', architecture: 'noarch', path: 'policy', set: ['docker'] };
    const carries = bundle({
      repositories: bundle().manifest.repositories.map((one) => ({ ...one, packages: [...one.packages, policy] })),
    });
    expect(check({ f1: enforcing }, { bundle: carries })).toEqual([]);
    expect(check({ f1: enforcing }, { tools: siteToolsOf({ containerEngine: false }) })).toEqual([]);
  });

  it('refuses a bundle without packages for the system', () => {
    const found = check({}, { bundle: bundle({ repositories: [] }) });
    expect(found.map(({ problem }) => problem)).toContain('the bundle carries no packages for debian 12');
  });

  it('knows a system by id and version', () => {
    const topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'), manifests);
    expect(systemOf(topology, facts(MANAGE))).toMatchObject({ codename: 'bookworm' });
    expect(systemOf(topology, facts(MANAGE, { os: { id: 'debian', version: '13', name: '' } }))).toBeUndefined();
  });

  it.each([
    ['9.3', ['9'], '9'],
    ['9', ['9'], '9'],
    ['9.3', ['9', '9.3', '8'], '9.3'],
    ['9', ['9.3'], undefined],
    ['9.30', ['9.3'], undefined],
    ['90', ['9'], undefined],
    ['22.03', ['22.03'], '22.03'],
    ['', ['9'], undefined],
  ])('takes for a host of version "%s" of %j the manifest of %s', (host, versions, wanted) => {
    const topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'), manifests);
    const [system] = topology.manifests.operatingSystems;
    if (system === undefined) throw new Error('the sample has an operating system');
    const operatingSystems = versions.map((version) => ({ ...system, id: 'rocky', version }));
    const among = { ...topology, manifests: { ...topology.manifests, operatingSystems } };
    expect(systemOf(among, { os: { id: 'rocky', version: host, name: '' } })?.version).toBe(wanted);
  });

  it.each([
    ['openEuler', '24.03', 'openeuler', '24.03'],
    ['kylin', 'V10', 'kylin', 'v10'],
  ])('knows a host that calls itself %s %s by the manifest of %s %s', (id, version, small, smallVersion) => {
    const topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'), manifests);
    const operatingSystems = topology.manifests.operatingSystems.map((one) => ({ ...one, id: small, version: smallVersion }));
    const among = { ...topology, manifests: { ...topology.manifests, operatingSystems } };
    expect(systemOf(among, { os: { id, version, name: '' } })).toMatchObject({ id: small });
  });
});

describe('preflight of disks', () => {
  // m1: 40 GB of the role, 3 times the layer of the store's image, the bundle.
  const NEED = 40 * GB + 3 * LAYER_SIZE + BUNDLE_SIZE;

  it('adds up what goes to one file system', () => {
    expect(problems('m1', { facts: { fileSystems: mounts({ '/': NEED }) } })).toEqual([]);
    const [found] = problems('m1', { facts: { fileSystems: mounts({ '/': NEED - 1 }) } });
    expect(found).toMatch(/^m1: \/ has .* free, want .* for role "manage", .* for images, .* for the bundle\)$/);
  });

  it('looks at each file system by itself', () => {
    const enough = { '/': GB, '/var/lib/docker': 40 * GB + 3 * LAYER_SIZE, '/var/lib/caisson': BUNDLE_SIZE };
    expect(problems('m1', { facts: { fileSystems: mounts(enough) } })).toEqual([]);
    expect(problems('m1', { facts: { fileSystems: mounts({ ...enough, '/var/lib/caisson': BUNDLE_SIZE - 1 }) } })).toEqual([
      expect.stringMatching(/^m1: \/var\/lib\/caisson has .* \(.* for the bundle\)$/),
    ]);
    expect(problems('m1', { facts: { fileSystems: mounts({ ...enough, '/var/lib/docker': GB }) } })).toEqual([
      expect.stringMatching(/^m1: \/var\/lib\/docker has/),
    ]);
  });

  it('asks for the bundle on the seed alone', () => {
    expect(problems('f1', { facts: { fileSystems: mounts({ '/': 10 * GB + 3 * LAYER_SIZE }) } })).toEqual([]);
  });

  it("counts the packages of a host's sets once as archives and three times as what is installed", () => {
    const size = GB;
    const package_ = (name: string, set: readonly string[], architecture = 'amd64') => ({
      name,
      version: '1',
      architecture,
      path: name,
      set,
    });
    const packages = [package_('engine', ['docker', 'tools']), package_('base', ['base']), package_('engine', ['docker'], 'arm64')];
    const small = bundle();
    const [repository] = small.manifest.repositories;
    if (repository === undefined) throw new Error('the sample has no repository');
    const carried: HostsToCheck['bundle'] = {
      ...small,
      manifest: { ...small.manifest, repositories: [{ ...repository, packages }] },
      entry: (path) =>
        packages.some(({ name }) => name === path)
          ? { path, kind: 'package', size, digest: digestOf(path), mode: 0o644, offset: 0, origin: 'builder' }
          : undefined,
    };
    const apart = { '/': 500 * GB, '/usr': 3 * size, '/var/cache/apt/archives': size };
    const problemsWith = (free: Readonly<Record<string, number>>): readonly string[] =>
      problems('m1', { facts: { fileSystems: mounts(free) } }, { bundle: carried });
    expect(problemsWith(apart)).toEqual([]);
    expect(problemsWith({ ...apart, '/usr': 3 * size - 1 })).toEqual([
      expect.stringMatching(/^m1: \/usr has .* for installed packages\)$/),
    ]);
    expect(problemsWith({ ...apart, '/var/cache/apt/archives': size - 1 })).toEqual([expect.stringMatching(/ for packages\)$/)]);
    // On a host with components they count where the run changes the bundle, unless the bundle in force had the same ones.
    const state = {
      agent: true,
      depot: true,
      components: new Set(['docker']),
      bundles: new Map([[stagedBundleName(carried), BUNDLE_SIZE]]),
    };
    const upgraded = (inForce: readonly string[] | undefined): readonly string[] => {
      const change = { layers: new Map(), packages: inForce === undefined ? undefined : new Set(inForce.map(digestOf)), toFetch: 0 };
      const fileSystems = mounts({ ...apart, '/usr': 3 * size - 1 });
      return problems('m1', { facts: { fileSystems }, state }, { bundle: carried, change });
    };
    expect(upgraded(['engine of before'])).toEqual([expect.stringMatching(/^m1: \/usr has .* for installed packages\)$/)]);
    expect(upgraded(['engine'])).toEqual([]);
    expect(upgraded(undefined)).toEqual([]);
  });

  it('counts what earlier runs wrote', () => {
    const name = stagedBundleName(bundle());
    const small = { fileSystems: mounts({ '/': NEED - BUNDLE_SIZE }) };
    expect(problems('m1', { facts: small })).toHaveLength(1);
    expect(problems('m1', { facts: small, state: { bundles: new Map([[name, BUNDLE_SIZE]]) } })).toEqual([]);
    expect(problems('m1', { facts: small, state: { bundles: new Map([[`${name}.copy`, BUNDLE_SIZE]]) } })).toEqual([]);
    expect(problems('m1', { facts: small, state: { bundles: new Map([['another.tar', BUNDLE_SIZE]]) } })).toHaveLength(1);
    const installed = { agent: true, depot: true, components: new Set(['docker', 'store']), bundles: new Map([[name, BUNDLE_SIZE]]) };
    expect(problems('m1', { facts: { fileSystems: mounts({ '/': 0 }) }, state: installed })).toEqual([]);
  });

  describe('of a run that changes the bundle', () => {
    const name = stagedBundleName(bundle());
    const state = { agent: true, depot: true, components: new Set(['docker', 'store']), bundles: new Map([[name, BUNDLE_SIZE]]) };
    const [{ platforms: [{ config } = { config: undefined }] } = { platforms: [] }] = bundle().manifest.images;
    const on = (free: number, images: ObservedHost['images'] = new Map()) => ({
      facts: { fileSystems: mounts({ '/': free }) },
      state,
      images,
    });
    const change = { layers: new Map([['m1', new Set([digestOf('of the bundle in force')])]]), packages: undefined, toFetch: 0 };

    it('count the images that come beside those that are there, and say how much is missing', () => {
      expect(problems('m1', on(3 * LAYER_SIZE), { change })).toEqual([]);
      const [found] = check({ m1: on(2 * LAYER_SIZE) }, { change });
      expect(found).toMatchObject({
        host: 'm1',
        problem: expect.stringMatching(/ free, want .* \(.* for images\)$/),
        remedy: expect.stringMatching(new RegExp(`^Free or add ${formatSize(LAYER_SIZE)} on /; `)),
      });
    });

    it('count no layer that the bundle in force has brought, and no image that a killed run has pulled', () => {
      const layers = new Map([['m1', new Set([digestOf('shared')])]]);
      expect(problems('m1', on(0), { change: { layers, packages: undefined, toFetch: 0 } })).toEqual([]);
      expect(problems('m1', on(0, new Map([['registry.example/store:1', config?.digest ?? '']])), { change })).toEqual([]);
      expect(problems('m1', on(0, new Map([['registry.example/store:1', 'another']])), { change })).toHaveLength(1);
    });

    it('count no images of components that are there where the bundle in force cannot be read', () => {
      expect(problems('m1', on(0), { change: { layers: undefined, packages: undefined, toFetch: 0 } })).toEqual([]);
    });

    it('count on the seed what the depot has yet to fetch', () => {
      const toFetch = { layers: undefined, packages: undefined, toFetch: GB };
      expect(problems('m1', on(GB), { change: toFetch, bundles: [] })).toEqual([]);
      expect(problems('m1', on(GB - 1), { change: toFetch, bundles: [] })).toEqual([
        expect.stringMatching(/\(.* for what is not fetched of the bundle\)$/),
      ]);
    });
  });
});

describe('preflight of ports', () => {
  it.each<[string, ListeningSocket, RegExp]>([
    ['on every address', socket('0.0.0.0', 2379), /tcp port 2379, which store needs, is taken by "nginx" at 0\.0\.0\.0/],
    ['on every IPv6 address', socket('::', 2379), /tcp port 2379, .* at ::/],
    ['of the agent', socket('10.0.0.11', 6100), /6100, which the agent needs/],
    ['of the depot', socket('127.0.0.1', 5443), /5443, which the depot needs/],
    ['of UDP', socket('0.0.0.0', 53, 'udp'), /udp port 53, which store needs/],
    ['of the node address, by a process that cannot be seen', socket('10.0.0.11', 53, 'udp', []), /a process that cannot be named/],
    ['by several processes', socket('0.0.0.0', 2379, 'tcp', ['a', 'b']), /taken by "a", "b"/],
  ])('refuses one that is taken %s', (_, taken, expected) => {
    const found = problems('m1', { facts: { sockets: [taken] } });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it.each<[string, ListeningSocket]>([
    ['a name server of the host that keeps to a loopback address', socket('127.0.0.53', 53, 'udp', ['systemd-resolve'])],
    ['one of another protocol', socket('0.0.0.0', 2379, 'udp')],
    ['one that only another host needs', socket('0.0.0.0', 80)],
    ['one on another address of the host', socket('10.9.9.9', 53, 'udp')],
    ['one of the other family', socket('fd00::1', 53, 'udp')],
    ['the agent port on an address that is not the node', socket('127.0.0.1', 6100)],
  ])('bears %s', (_, taken) => {
    expect(problems('m1', { facts: { sockets: [taken] } })).toEqual([]);
  });

  it('refuses a depot on a port that a component of the seed or the agent has, also when all of them run', () => {
    const running = { agent: true, depot: true, components: new Set(['docker', 'store']), strangers: undefined };
    for (const state of [{}, running]) {
      expect(problems('m1', { state }, { more: ['depot: { port: 2379 }'] })).toEqual([
        'm1: the depot and store would both listen on tcp port 2379',
      ]);
    }
    expect(check({}, { more: ['depot: { port: 6100 }'] })).toEqual([
      {
        host: 'm1',
        problem: 'the depot and the agent would both listen on tcp port 6100',
        remedy: 'Choose another depot.port in cluster.yaml',
      },
    ]);
    // Other hosts than the seed have it; port 53 is UDP.
    for (const port of [80, 53]) expect(check({}, { more: [`depot: { port: ${port} }`] })).toEqual([]);
  });

  it('takes a port of a component that leaves the host for free', () => {
    const resolved = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'), manifests);
    const web = manifests.components.get('web');
    if (web === undefined) throw new Error('the sample has no web');
    const components = new Map([...manifests.components, ['web', { ...web, ports: [{ port: 2379, protocol: 'tcp' as const }] }] as const]);
    const topology = { ...resolved, manifests: { ...manifests, components } };
    const found = (own: readonly string[]): readonly string[] =>
      problems('m1', { facts: { sockets: [socket('127.0.0.1', 2379)] }, state: { agent: true, components: new Set(own) } }, { topology });
    expect(found(['docker', 'web'])).toEqual([]);
    expect(found(['docker'])).toHaveLength(1);
  });

  it('takes the unit of a package for ours that a killed run claimed, before its component is there', () => {
    const own = (owner: string): HostsToCheck['record'] => ({
      hosts: { m1: { address: '10.0.0.11', roles: [], owned: [{ kind: 'package', key: 'bash', owner }] } },
    });
    const docker = manifests.components.get('docker');
    if (docker === undefined) throw new Error('the sample has no docker');
    const listening = { ...docker, ports: [{ port: 2376, protocol: 'tcp' as const }] };
    const changed = { ...manifests, components: new Map([...manifests.components, ['docker', listening] as const]) };
    const found = (record: HostsToCheck['record'], port: number): number =>
      problems('m1', { facts: { sockets: [socket('0.0.0.0', port)] } }, { manifests: changed, record }).length;
    expect(found(own('docker'), 2376)).toBe(0);
    expect(found(undefined, 2376)).toBe(1);
    expect(found(own('store'), 2376)).toBe(1);
    // Containers and processes start only after their definition is there.
    expect(found(own('store'), 2379)).toBe(1);
  });

  it('takes what earlier runs started for ours', () => {
    const sockets = [socket('0.0.0.0', 2379), socket('10.0.0.11', 6100), socket('0.0.0.0', 5443)];
    const state = { agent: true, depot: true, components: new Set(['docker', 'store']), strangers: undefined };
    expect(problems('m1', { facts: { sockets }, state })).toEqual([]);
    expect(problems('m1', { facts: { sockets }, state: { ...state, components: new Set(['docker']) } })).toHaveLength(1);
  });
});

describe('preflight of names and networks', () => {
  it('refuses hosts that were cloned', () => {
    expect(check({ f1: { facts: { machineId: 'id-m1', hostname: 'm1' } } }).map(({ host, problem }) => `${host}: ${problem}`)).toEqual([
      'f1: its host name "m1" is also that of "m1"',
      'f1: its machine id "id-m1" is also that of "m1"',
    ]);
    expect(check({ m1: { facts: { machineId: undefined } }, f1: { facts: { machineId: undefined } } })).toEqual([]);
  });

  it('refuses networks of containers that a host has already', () => {
    expect(problems('f1', { facts: { routes: ['10.42.0.0/16'] } }, { more: ['network: { podCIDR: 10.32.0.0/11 }'] })).toEqual([
      'f1: its network 10.42.0.0/16 overlaps network.podCIDR (10.32.0.0/11)',
    ]);
    const second = { addresses: ['10.0.0.12', '10.40.0.9'], routes: [] };
    expect(problems('f1', { facts: second }, { more: ['network: { serviceCIDR: 10.40.0.0/16 }'] })).toEqual([
      'f1: its address 10.40.0.9 lies in network.serviceCIDR (10.40.0.0/16)',
    ]);
  });

  it('takes networks inside those of containers for ours on a host that is installed, and wider ones for what they are', () => {
    const more = ['network: { podCIDR: 10.32.0.0/11, serviceCIDR: 10.96.0.0/12 }'];
    const state = { agent: true, strangers: undefined };
    const own = { addresses: ['10.0.0.12', '10.42.1.1', '10.96.0.1'], routes: ['10.42.1.0/24', '10.32.0.0/11', '10.96.0.0/12'] };
    expect(problems('f1', { facts: own, state }, { more })).toEqual([]);
    expect(problems('f1', { facts: { ...own, routes: ['10.32.0.0/10'] }, state }, { more })).toEqual([
      'f1: its network 10.32.0.0/10 overlaps network.podCIDR (10.32.0.0/11)',
    ]);
  });

  it('refuses a name of the cluster or the platform that /etc/hosts gives to somebody else', () => {
    const hostNames = [
      { address: '10.9.9.9', names: ['m1'] },
      { address: '10.8.8.8', names: ['other', 'registry.example'] },
    ];
    expect(problems('f1', { state: { hostNames } })).toEqual([
      'f1: /etc/hosts says that "m1" is 10.9.9.9, cluster.yaml says 10.0.0.11',
      'f1: /etc/hosts says that "registry.example" is 10.8.8.8, cluster.yaml says 10.0.0.12 and 10.0.0.13',
    ]);
  });

  it('bears the same name with the same address, and the host itself on a loopback address', () => {
    const hostNames = [
      { address: '127.0.1.1', names: ['f1.site', 'f1'] },
      { address: '::1', names: ['f1'] },
      { address: '10.0.0.11', names: ['m1'] },
      // A name of the platform leads to every host of its component.
      { address: '10.0.0.12', names: ['registry.example'] },
      { address: '10.0.0.13', names: ['registry.example'] },
    ];
    expect(problems('f1', { state: { hostNames } })).toEqual([]);
  });
});

describe('preflight of what others installed', () => {
  const strangers = { enginePackage: undefined, containers: [], brokenPackages: [] };

  it('refuses an engine that the bundle does not carry', () => {
    expect(problems('f1', { state: { strangers: { ...strangers, enginePackage: 'docker-ce' } } })).toEqual([
      'f1: it has a container engine of the package "docker-ce", which the bundle does not carry',
    ]);
    expect(problems('f1', { state: { strangers: { ...strangers, enginePackage: 'none' } } })[0]).toContain('of no package');
  });

  it('refuses to stop containers of others, and names them', () => {
    const containers = ['wiki', 'db', 'a', 'b', 'c', 'd'];
    expect(problems('f1', { state: { strangers: { ...strangers, enginePackage: 'docker.io', containers } } })).toEqual([
      'f1: its container engine runs what is not of this cluster: wiki, db, a, b, c …',
    ]);
  });

  it('refuses an engine that runs and does not answer, also on a host that has our agent', () => {
    for (const own of [strangers, undefined]) {
      expect(problems('f1', { state: { engineFrozen: true, strangers: own } })).toEqual([
        'f1: its container engine runs and did not answer within 10 s',
      ]);
    }
  });

  it('advises in the words of the engine and of the package manager', () => {
    const { engine, packages } = HOST_TOOLS;
    const state = { engineFrozen: true, strangers: { ...strangers, brokenPackages: ['nginx'] } };
    const remedies = (tools: HostsToCheck['tools']) => check({ f1: { state } }, { tools }).map(({ remedy }) => remedy);
    expect(remedies(SITE_TOOLS)).toEqual([
      'Find out why (systemctl status docker; journalctl -u docker), then restart it: systemctl restart docker',
      'Mend them: dpkg --configure --pending; apt-get --fix-broken install',
    ]);
    const whale = { ...engine, probe: { ...engine.probe, looks: 'whale status', restart: 'whale restart' } };
    const other = { ...packages, probe: { ...packages.probe, mend: 'mend --all' } };
    expect(remedies({ engine: whale, on: () => ({ engine: whale, packages: other }) })).toEqual([
      'Find out why (whale status), then restart it: whale restart',
      'Mend them: mend --all',
    ]);
  });

  it('bears an engine of the same package that runs nothing', () => {
    expect(problems('f1', { state: { strangers: { ...strangers, enginePackage: 'docker.io' } } })).toEqual([]);
  });

  it("refuses a program that has the name of the platform's command", () => {
    expect(check({ f1: { state: { namesakes: ['/usr/bin/samplectl'] } } })).toEqual([
      {
        host: 'f1',
        problem: 'it has "/usr/bin/samplectl", which is not of this site and has the name of the platform\'s command',
        remedy: 'Remove or rename it: mv /usr/bin/samplectl /usr/bin/samplectl.before',
      },
    ]);
  });

  it('refuses packages that somebody left half-way', () => {
    const found = check({ f1: { state: { strangers: { ...strangers, brokenPackages: ['nginx'] } } } });
    expect(found).toEqual([
      { host: 'f1', problem: 'packages are installed half-way: nginx', remedy: expect.stringContaining('dpkg --configure') },
    ]);
  });
});

describe('preflight of the ways between hosts', () => {
  const way = (port: number, outcome: TriedWay['outcome'], service = 'store', reason = ''): TriedWay => ({
    to: 'm1',
    address: '10.0.0.11',
    port,
    service,
    outcome,
    reason,
  });

  it('names the ports that a filter drops, with where to look', () => {
    const ways = [way(5443, 'silent', 'the depot'), way(2379, 'silent'), way(2380, 'open')];
    expect(check({ f1: { ways } })).toEqual([
      {
        host: 'f1',
        problem: 'it cannot reach m1 ports 2379, 5443 (the depot, store): nothing came back within 5 s, so a filter drops it',
        remedy: expect.stringContaining(
          'Let tcp ports 2379, 5443 pass from 10.0.0.12 to 10.0.0.11: iptables, nftables or firewalld on f1 and m1',
        ),
      },
    ]);
    expect(check({ f1: { ways } })).toEqual([
      {
        host: 'f1',
        problem: expect.anything(),
        remedy: expect.stringContaining(
          'Where firewalld runs on m1: firewall-cmd --permanent --add-port=2379/tcp --add-port=5443/tcp && firewall-cmd --reload',
        ),
      },
    ]);
  });

  it('tells a filter that answers from one that does not', () => {
    const ways = [way(5443, 'silent', 'the depot'), way(2379, 'barred', 'store', 'No route to host')];
    expect(problems('f1', { ways })).toEqual([
      'f1: it cannot reach m1 port 5443 (the depot): nothing came back within 5 s, so a filter drops it',
      'f1: it cannot reach m1 port 2379 (store): the answer was "No route to host", so a filter rejects it or no route leads there',
    ]);
  });
});

describe('what components ask of hosts', () => {
  let asking: Manifests;
  beforeAll(async () => {
    const store = MANIFESTS['components/store/component.yaml'] ?? '';
    const requires = 'requires: { cgroups: [2], swap: false, syncedWrites: { directory: "${var.root}/data", milliseconds: 10 } }';
    asking = await loadManifests(
      memoryTree({ ...MANIFESTS, 'components/store/component.yaml': `${store}\nmodules: [ip_vs]\n${requires}\n` }),
    );
  });
  const found = (name: string, change: Change) => check({ [name]: change }, { manifests: asking });

  it('finds modules that the kernel does not have, on the hosts that need them', () => {
    const state = { missingModules: ['ip_vs'] };
    expect(found('m1', { state })).toEqual([
      {
        host: 'm1',
        problem: 'its kernel has no module "ip_vs", which store needs',
        remedy: 'Boot a kernel that has it (find /lib/modules -name "ip_vs.ko*"), with modprobe of the package kmod',
      },
    ]);
    expect(found('f1', { state })).toEqual([]);
  });

  it('finds control groups of a version with which a component does not run', () => {
    expect(found('m1', { facts: { cgroupVersion: 1 } }).map(({ problem }) => problem)).toEqual([
      'its control groups are of version 1, with which store does not run',
    ]);
    expect(found('f1', { facts: { cgroupVersion: 1 } })).toEqual([]);
    expect(found('m1', { facts: { cgroupVersion: undefined } })).toEqual([]);
  });

  it('warns of swap and of a slow disk, and refuses neither', () => {
    const slow = { component: 'store', directory: '/opt/sample/data', milliseconds: 10, took: 35.25 };
    const facts = { swapBytes: 2 * GB };
    expect(found('m1', { facts, writes: [slow] })).toEqual([
      expect.objectContaining({ isWarning: true, problem: 'it has 1.9 GiB of swap, without which store should run' }),
      expect.objectContaining({ isWarning: true, problem: 'a synced write in /opt/sample/data takes 35.3 ms, store wants 10 ms or less' }),
    ]);
    expect(found('m1', { writes: [{ ...slow, took: 9.9 }] })).toEqual([]);
    expect(found('f1', { facts })).toEqual([]);
  });

  it('finds clocks that differ from one another, though each is near that of the seed', () => {
    const apart = (behind: number, ahead: number) =>
      check({ m1: { facts: { clockDifferenceMs: behind } }, f1: { facts: { clockDifferenceMs: ahead } } }).map(
        ({ host, problem }) => `${host}: ${problem}`,
      );
    expect(apart(-20_000, 20_000)).toEqual(['f1: its clock is 40.0 s ahead of that of "m1", at most 30.0 s is borne']);
    expect(apart(-15_000, 15_000)).toEqual([]);
  });
});

describe('preflight of a seed beside the cluster', () => {
  const node: NodeSpec = { name: 'depot.sample.internal', address: '10.0.0.99', roles: [] };
  function besideProblems(change: Change): readonly string[] {
    const topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'), manifests);
    const seed: ObservedHost = {
      node,
      facts: facts(node, { cpus: 1, memoryBytes: GB, ...change.facts }),
      state: { ...FRESH, ...change.state },
      ways: [],
      writes: [],
      isNode: false,
      isSeed: true,
    };
    return judgeHosts({ topology, bundle: bundle(), bundles: [bundle()], tools: SITE_TOOLS, hosts: [seed] }).map(({ problem }) => problem);
  }

  it('asks for what the depot needs, and not for what roles need', () => {
    expect(besideProblems({ facts: { os: { id: 'ubuntu', version: '24.04', name: 'Ubuntu' } } })).toEqual([]);
    expect(besideProblems({ facts: { fileSystems: mounts({ '/': GB }) } })).toEqual([expect.stringContaining('for the bundle')]);
    expect(besideProblems({ facts: { sockets: [socket('::', 5443)] } })).toEqual([expect.stringContaining('the depot needs')]);
    expect(besideProblems({ facts: { sockets: [socket('::', 6100)] } })).toEqual([]);
    expect(besideProblems({ facts: { addresses: ['127.0.0.1'] } })).toEqual([expect.stringContaining('none of its own')]);
  });
});
