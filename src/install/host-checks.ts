import type { BundleReader } from '../bundle/index.ts';
import { networkContains, networksOverlap, normalAddress, scopeFor, type NodeSpec, type Topology } from '../cluster/index.ts';
import { renderTemplate, type OperatingSystem } from '../manifests/index.ts';
import { formatDuration, formatSize, parsePlatform } from '../core/index.ts';
import type { HostFacts, ListeningSocket } from '../host/index.ts';
import type { HostState } from './host-state.ts';
import { AGENT_PORT, EXECUTABLE, seedLayout } from './layout.ts';
import { executablePath, PARTIAL, stagedBundleName } from './bundle-members.ts';
import type { HostFinding } from './preflight.ts';

/** Certificates and signatures have times in them: beyond this a host would refuse what is valid. */
const CLOCK_TOLERANCE_MS = 30_000;
const LEAST_KERNEL: readonly [number, number] = [3, 10];
/** Images and packages are stored unpacked; programs and libraries are about a third of that when packed. */
const UNPACKED_PER_PACKED = 3;
const ENGINE_DATA = '/var/lib/docker';
const PACKAGE_CACHE = '/var/cache/apt/archives';
const PROGRAMS = '/usr';
const BUNDLES = seedLayout().bundles;
/** Paths whose file systems preflight looks at. */
export const CHECKED_PATHS = ['/', ENGINE_DATA, BUNDLES, EXECUTABLE, PACKAGE_CACHE, PROGRAMS] as const;

/** One host, as it was declared and as it was found. */
export interface ObservedHost {
  readonly node: NodeSpec;
  readonly facts: HostFacts;
  readonly state: HostState;
  /** False for a seed beside the cluster, which only serves the bundle. */
  readonly isNode: boolean;
  readonly isSeed: boolean;
}

export interface HostsToCheck {
  readonly topology: Topology;
  /** What is installed. */
  readonly bundle: Pick<BundleReader, 'manifest' | 'bundleDigest' | 'size' | 'entry'>;
  /** What is kept on the seed. */
  readonly bundles: readonly HostsToCheck['bundle'][];
  readonly hosts: readonly ObservedHost[];
}

/** The operating system of the manifests that a host runs; undefined when the platform does not describe it. */
export function systemOf(topology: Topology, facts: HostFacts): OperatingSystem | undefined {
  return topology.manifests.operatingSystems.find(({ id, version }) => id === facts.os.id && version === facts.os.version);
}

/** Everything that stands in the way of the install, on every host. Pure: looks at what was found, asks nothing. */
export function checkFacts(input: HostsToCheck): readonly HostFinding[] {
  const perHost = input.hosts.flatMap((observed) =>
    (observed.isNode ? NODE_CHECKS : SEED_CHECKS).flatMap((check) =>
      check(observed, input).map(({ problem, remedy }) => ({ host: observed.node.name, problem, remedy })),
    ),
  );
  return [...perHost, ...checkIdentities(input.hosts)];
}

type Finding = Omit<HostFinding, 'host'>;
type Check = (observed: ObservedHost, input: HostsToCheck) => readonly Finding[];

const NODE_CHECKS: readonly Check[] = [
  checkSystem,
  checkArchitecture,
  checkSystemd,
  checkKernel,
  checkCpus,
  checkMemory,
  checkDisk,
  checkPorts,
  checkClock,
  checkAddress,
  checkNetworks,
  checkNames,
  checkEngine,
  checkPackages,
];

/** A seed beside the cluster runs the depot and nothing else. */
const SEED_CHECKS: readonly Check[] = [checkArchitecture, checkSystemd, checkDisk, checkPorts, checkAddress];

function finding(problem: string, remedy: string): readonly Finding[] {
  return [{ problem, remedy }];
}

function checkSystem({ facts }: ObservedHost, { topology, bundle: { manifest } }: HostsToCheck): readonly Finding[] {
  const known = topology.manifests.operatingSystems.map(({ id, version }) => `${id} ${version}`).join(', ');
  const found = `${facts.os.id} ${facts.os.version}`;
  const system = systemOf(topology, facts);
  if (system === undefined)
    return finding(
      `it runs ${found} (${facts.os.name}), want one of: ${known}`,
      'Install one of these, or describe this one in manifests/os',
    );
  const id = `${system.id}-${system.version}`;
  return manifest.repositories.some((repository) => repository.id === id)
    ? []
    : finding(`the bundle carries no packages for ${found}`, 'Build a bundle with this operating system in manifests/os');
}

function checkArchitecture({ facts }: ObservedHost, { bundle }: HostsToCheck): readonly Finding[] {
  const carried = bundle.manifest.platforms.map((platform) => parsePlatform(platform).architecture);
  if (carried.includes(facts.architecture)) return [];
  return finding(
    `its CPU is ${facts.architecture}, the bundle is for ${carried.join(', ')}`,
    `Build a bundle with --platform linux/${facts.architecture}`,
  );
}

function checkSystemd({ facts }: ObservedHost): readonly Finding[] {
  if (facts.systemd === undefined) return finding('systemd does not run', 'Boot the host with systemd as its init');
  if (['running', 'degraded'].includes(facts.systemd)) return [];
  return finding(
    `systemd is "${facts.systemd}", want running or degraded`,
    'Wait until the host has booted: systemctl is-system-running --wait',
  );
}

function checkKernel({ facts }: ObservedHost): readonly Finding[] {
  const [major = 0, minor = 0] = facts.kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [leastMajor, leastMinor] = LEAST_KERNEL;
  const old = major < leastMajor || (major === leastMajor && minor < leastMinor);
  return [
    ...(old ? finding(`its kernel is ${facts.kernel}, want ${LEAST_KERNEL.join('.')} or newer`, 'Upgrade the kernel') : []),
    ...(facts.overcommitMemory === 2
      ? finding('vm.overcommit_memory is 2, which refuses memory that databases ask for', 'Set it to 0: sysctl vm.overcommit_memory=0')
      : []),
  ];
}

function requirementsOf(node: NodeSpec, topology: Topology) {
  return node.roles.flatMap((name) => {
    const role = topology.manifests.roles.get(name);
    return role === undefined ? [] : [{ role: name, ...role.requires }];
  });
}

function checkCpus({ node, facts }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  return requirementsOf(node, topology).flatMap(({ role, cpus }) =>
    facts.cpus >= cpus
      ? []
      : finding(`it has ${facts.cpus} CPUs, role "${role}" wants ${cpus}`, 'Give it more CPUs, or give the role to another host'),
  );
}

function checkMemory({ node, facts }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  return requirementsOf(node, topology).flatMap(({ role, memory }) =>
    facts.memoryBytes >= memory
      ? []
      : finding(
          `it has ${formatSize(facts.memoryBytes)} of memory, role "${role}" wants ${formatSize(memory)}`,
          'Give it more memory, or give the role to another host',
        ),
  );
}

/** Adds up what will still be written on each file system: what earlier runs wrote is there already. */
function checkDisk(observed: ObservedHost, input: HostsToCheck): readonly Finding[] {
  const { facts, state } = observed;
  const executable = input.bundle.entry(executablePath(facts.architecture));
  const packages = packageBytes(observed, input);
  const wanted: readonly Share[] = [
    roleShare(observed, input.topology),
    { path: ENGINE_DATA, bytes: imageBytes(observed, input), what: 'images' },
    { path: PACKAGE_CACHE, bytes: packages, what: 'packages' },
    { path: PROGRAMS, bytes: UNPACKED_PER_PACKED * packages, what: 'installed packages' },
    { path: BUNDLES, bytes: bundleBytes(observed, input), what: 'the bundle' },
    { path: EXECUTABLE, bytes: state.executable ? 0 : (executable?.size ?? 0), what: EXECUTABLE },
  ];
  const byMount = new Map<string, { free: number; bytes: number; what: string[] }>();
  for (const { path, bytes, what } of wanted) {
    const fileSystem = facts.fileSystems.get(path);
    if (fileSystem === undefined || bytes === 0) continue;
    const sum = byMount.get(fileSystem.mount) ?? { free: fileSystem.freeBytes, bytes: 0, what: [] };
    byMount.set(fileSystem.mount, { free: sum.free, bytes: sum.bytes + bytes, what: [...sum.what, `${formatSize(bytes)} for ${what}`] });
  }
  return [...byMount].flatMap(([mount, { free, bytes, what }]) =>
    free >= bytes
      ? []
      : finding(`${mount} has ${formatSize(free)} free, want ${formatSize(bytes)} (${what.join(', ')})`, `Free or add space on ${mount}`),
  );
}

interface Share {
  readonly path: string;
  readonly bytes: number;
  readonly what: string;
}

/** Roles say, as for CPUs and memory, what a host with them must have at least: the largest counts, not their sum. */
function roleShare({ node, state }: ObservedHost, topology: Topology): Share {
  const [largest] = requirementsOf(node, topology).sort((left, right) => right.disk - left.disk);
  // A host that runs components has begun to use its share.
  const bytes = state.components.size > 0 ? 0 : (largest?.disk ?? 0);
  return { path: ENGINE_DATA, bytes, what: `role "${largest?.role ?? ''}"` };
}

function bundleBytes({ isSeed, state }: ObservedHost, { bundles }: HostsToCheck): number {
  if (!isSeed) return 0;
  const missing = bundles.map((bundle) => {
    const name = stagedBundleName(bundle);
    const there = state.bundles.get(name) ?? state.bundles.get(`${name}${PARTIAL}`) ?? 0;
    return Math.max(0, bundle.size - there);
  });
  return missing.reduce((sum, bytes) => sum + bytes, 0);
}

/** About the space that the images of a host's components take once unpacked; layers that images share count once. */
function imageBytes({ node, facts, state }: ObservedHost, { topology, bundle }: HostsToCheck): number {
  const names = new Set(
    topology
      .componentsOf(node.name)
      .filter(({ name }) => !state.components.has(name))
      .flatMap(({ services }) => services.flatMap(({ container }) => (container === undefined ? [] : [container.image]))),
  );
  const layers = new Map<string, number>();
  for (const image of bundle.manifest.images.filter(({ name }) => names.has(name))) {
    const own = image.platforms.filter(({ platform }) => parsePlatform(platform).architecture === facts.architecture);
    for (const platform of own) for (const layer of platform.layers) layers.set(layer.digest, layer.size);
  }
  return UNPACKED_PER_PACKED * [...layers.values()].reduce((sum, size) => sum + size, 0);
}

/** What a host downloads when it gets the package sets of its roles and components; of a host that has begun, the most is there. */
function packageBytes({ node, facts, state, isNode }: ObservedHost, { topology, bundle }: HostsToCheck): number {
  if (!isNode || state.components.size > 0) return 0;
  const system = systemOf(topology, facts);
  const sets = new Set(topology.packageSetsOf(node.name));
  const repository = bundle.manifest.repositories.find(({ id }) => system !== undefined && id === `${system.id}-${system.version}`);
  const wanted = (repository?.packages ?? []).filter(
    ({ architecture, set }) => ['all', facts.architecture].includes(architecture) && set.some((name) => sets.has(name)),
  );
  return wanted.reduce((sum, { path }) => sum + (bundle.entry(path)?.size ?? 0), 0);
}

/** A port that something of ours listens on. */
interface WantedPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly by: string;
  /** The only address that it listens on; undefined when it may be any. */
  readonly address: string | undefined;
}

function checkPorts(observed: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const { facts } = observed;
  return wantedPorts(observed, topology).flatMap((wanted) => {
    const taken = facts.sockets.find((socket) => isSamePort(socket, wanted));
    if (taken === undefined) return [];
    const owner = taken.processes.length === 0 ? 'a process that cannot be named' : taken.processes.map((name) => `"${name}"`).join(', ');
    return finding(
      `${wanted.protocol} port ${wanted.port}, which ${wanted.by} needs, is taken by ${owner} at ${taken.address}`,
      'Stop it, or have it listen on another port',
    );
  });
}

/** Ports of what does not run here yet. */
function wantedPorts({ node, state, isNode, isSeed }: ObservedHost, topology: Topology): readonly WantedPort[] {
  const ofComponents = topology
    .componentsOf(node.name)
    .filter(({ name }) => !state.components.has(name))
    .flatMap(({ name, ports }) =>
      ports.map(({ port, protocol, address }): WantedPort => {
        const scope = scopeFor(topology, node, { component: name });
        return {
          port,
          protocol,
          by: name,
          address: address === undefined ? undefined : renderTemplate(address, scope, `ports of ${name}`),
        };
      }),
    );
  const agent: WantedPort = { port: AGENT_PORT, protocol: 'tcp', by: 'the agent', address: node.address };
  const depot: WantedPort = { port: topology.spec.depot.port, protocol: 'tcp', by: 'the depot', address: undefined };
  return [...ofComponents, ...(isNode && !state.agent ? [agent] : []), ...(isSeed && !state.depot ? [depot] : [])];
}

/** What listens on every address stands in the way of all; `::` is IPv4 as well. What is bound to one is in the way of that. */
function isSamePort(socket: ListeningSocket, { port, protocol, address }: WantedPort): boolean {
  if (socket.port !== port || socket.protocol !== protocol) return false;
  if (address === undefined || socket.address === '::') return true;
  if (socket.address === '0.0.0.0') return !address.includes(':');
  return normalAddress(socket.address) === normalAddress(address);
}

function checkClock({ facts }: ObservedHost): readonly Finding[] {
  const difference = facts.clockDifferenceMs;
  if (Math.abs(difference) <= CLOCK_TOLERANCE_MS) return [];
  return finding(
    `its clock is ${formatDuration(Math.abs(difference))} ${difference > 0 ? 'ahead of' : 'behind'} this machine's, at most ${formatDuration(CLOCK_TOLERANCE_MS)} is borne`,
    'Set it, and keep it set with a time server of the site (chrony)',
  );
}

function checkNetworks({ facts }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const { podCIDR, serviceCIDR } = topology.spec.network;
  return Object.entries({ podCIDR, serviceCIDR }).flatMap(([key, cidr]) => {
    const route = facts.routes.find((known) => networksOverlap(known, cidr));
    if (route !== undefined)
      return finding(`its network ${route} overlaps network.${key} (${cidr})`, `Choose another network.${key} in cluster.yaml`);
    const address = facts.addresses.find((known) => networkContains(cidr, known));
    return address === undefined
      ? []
      : finding(`its address ${address} lies in network.${key} (${cidr})`, `Choose another network.${key} in cluster.yaml`);
  });
}

/** Services listen on the address that cluster.yaml gives, so it must be the host's own: behind address translation it is not. */
function checkAddress({ node, facts }: ObservedHost): readonly Finding[] {
  if (facts.addresses.some((address) => normalAddress(address) === normalAddress(node.address))) return [];
  const others = facts.addresses.filter((address) => !isLoopback(address)).join(', ');
  return finding(`its address ${node.address} is none of its own (${others})`, 'Write an address of the host itself into cluster.yaml');
}

/** A name of the cluster that /etc/hosts gives to somebody else would win over ours. */
function checkNames({ node, state }: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const wanted = new Map(topology.spec.nodes.map(({ name, address }) => [name, address]));
  for (const { names, component } of topology.platform.hostNames) {
    const first = topology.first(component);
    if (first !== undefined) for (const name of names) wanted.set(name, first.address);
  }
  return state.hostNames.flatMap(({ address, names }) =>
    names.flatMap((name) => {
      const expected = wanted.get(name);
      // Distributions give a host's own name to a loopback address.
      const own = name === node.name && isLoopback(address);
      if (expected === undefined || expected === address || own) return [];
      return finding(
        `/etc/hosts says that "${name}" is ${address}, cluster.yaml says ${expected}`,
        'Remove the line from /etc/hosts, or correct cluster.yaml',
      );
    }),
  );
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** We configure the engine and restart it: what somebody runs in it would stop, and two engines do not go together. */
function checkEngine({ node, state }: ObservedHost, { topology, bundle }: HostsToCheck): readonly Finding[] {
  const runsContainers = topology.componentsOf(node.name).some(({ services }) => services.some(({ container }) => container !== undefined));
  if (state.strangers === undefined || !runsContainers) return [];
  const { enginePackage, containers } = state.strangers;
  const carried = new Set(bundle.manifest.repositories.flatMap(({ packages }) => packages.map(({ name }) => name)));
  const foreign = enginePackage !== undefined && !carried.has(enginePackage);
  const origin = enginePackage === 'none' ? 'no package' : `the package "${enginePackage ?? ''}"`;
  return [
    ...(foreign ? finding(`it has a container engine of ${origin}, which the bundle does not carry`, 'Remove that engine') : []),
    ...(containers.length > 0
      ? finding(
          `its container engine runs what is not of this cluster: ${containers.slice(0, 5).join(', ')}${containers.length > 5 ? ' …' : ''}`,
          'Move these containers to another host: the install restarts the engine',
        )
      : []),
  ];
}

/** apt refuses to work on such a host, and mending may remove what somebody needs. What a run of ours left, the next one mends. */
function checkPackages({ state }: ObservedHost): readonly Finding[] {
  const broken = state.strangers?.brokenPackages ?? [];
  if (broken.length === 0) return [];
  return finding(
    `packages are installed half-way: ${broken.slice(0, 5).join(', ')}${broken.length > 5 ? ' …' : ''}`,
    'Mend them: dpkg --configure --pending; apt-get --fix-broken install',
  );
}

/** Hosts that were cloned share what must tell them apart. */
function checkIdentities(hosts: readonly ObservedHost[]): readonly HostFinding[] {
  const nodes = hosts.filter(({ isNode }) => isNode);
  const clashes = (what: string, valueOf: (facts: HostFacts) => string | undefined, remedy: string): readonly HostFinding[] =>
    nodes.flatMap(({ node, facts }, index) => {
      const value = valueOf(facts);
      const other = value === undefined ? undefined : nodes.slice(0, index).find((earlier) => valueOf(earlier.facts) === value);
      return other === undefined
        ? []
        : [{ host: node.name, problem: `its ${what} "${value ?? ''}" is also that of "${other.node.name}"`, remedy }];
    });
  return [
    ...clashes('host name', (facts) => facts.hostname, 'Give each host a name of its own: hostnamectl set-hostname NAME'),
    ...clashes(
      'machine id',
      (facts) => facts.machineId,
      'Make a new one: rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot',
    ),
  ];
}
