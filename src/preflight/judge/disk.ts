import { bundleKeepers, type Topology } from '../../cluster/index.ts';
import { formatSize, parsePlatform } from '../../core/index.ts';
import { packageManagers, type SiteTools } from '../../resources/index.ts';
import { EXECUTABLE, executablePath, seedLayout, stagedBundleName, UNVERIFIED_COPY } from '../../site/index.ts';
import { requirementsOf } from './capacity.ts';
import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';
import { repositoryOf, systemOf } from './system.ts';

/** Bytes on disk for each compressed byte of an image or package: programs and libraries compress to about a third. */
const UNPACKED_PER_PACKED = 3;
const PROGRAMS = '/usr';
/** Where programs of a host keep their data, when no engine has all of it. */
const DATA = '/var/lib';
const BUNDLES = seedLayout().bundles;
/** Returns the paths whose file systems preflight measures. A host has one of the package managers. */
export function checkedPaths({ engine }: Pick<SiteTools, 'engine'>): readonly string[] {
  return ['/', engine?.probe.data ?? DATA, BUNDLES, EXECUTABLE, ...packageManagers().map(({ probe }) => probe.cache), PROGRAMS];
}

/**
 * Compares the free space of each file system with the bytes that the run will write there. Files that earlier runs wrote
 * do not count.
 */
export function checkDisk(observed: ObservedHost, input: HostsToCheck): readonly Finding[] {
  const { facts, state } = observed;
  const executable = input.bundle.entry(executablePath(facts.architecture));
  const packages = packageBytes(observed, input);
  const { engine, packages: manager } = input.tools.on(systemOf(input.topology, facts)?.packages);
  const wanted: readonly Share[] = [
    roleShare(observed, input),
    { path: engine?.probe.data ?? DATA, bytes: imageBytes(observed, input), what: 'images' },
    { path: manager.probe.cache, bytes: packages, what: 'packages' },
    { path: PROGRAMS, bytes: UNPACKED_PER_PACKED * packages, what: 'installed packages' },
    { path: BUNDLES, bytes: bundleBytes(observed, input), what: 'the bundle' },
    { path: BUNDLES, bytes: observed.isSeed ? (input.change?.toFetch ?? 0) : 0, what: 'what is not fetched of the bundle' },
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
      : finding(
          `${mount} has ${formatSize(free)} free, want ${formatSize(bytes)} (${what.join(', ')})`,
          `Free or add ${formatSize(bytes - free)} on ${mount}${input.change === undefined ? '' : '; until the run has ended well, what is in force and what comes are there at once'}`,
        ),
  );
}

interface Share {
  readonly path: string;
  readonly bytes: number;
  readonly what: string;
}

/**
 * The disk requirement of a node. A role states the minimum for the whole host, so the largest of its roles counts, not
 * their sum.
 */
function roleShare({ node, state }: ObservedHost, { topology, tools }: HostsToCheck): Share {
  const [largest] = requirementsOf(node, topology).sort((left, right) => right.disk - left.disk);
  // Components of an earlier run have used part of the space already, so the requirement no longer applies.
  const bytes = state.components.size > 0 ? 0 : (largest?.disk ?? 0);
  return { path: tools.engine?.probe.data ?? DATA, bytes, what: `role "${largest?.role ?? ''}"` };
}

function bundleBytes({ node, isSeed, state }: ObservedHost, { bundles, topology, hosts }: HostsToCheck): number {
  const seed = hosts.find((host) => host.isSeed)?.node.name ?? '';
  if (!isSeed && !bundleKeepers(topology, seed).includes(node.name)) return 0;
  const missing = bundles.map((bundle) => {
    const name = stagedBundleName(bundle);
    const there = state.bundles.get(name) ?? state.bundles.get(`${name}${UNVERIFIED_COPY}`) ?? 0;
    return Math.max(0, bundle.size - there);
  });
  return missing.reduce((sum, bytes) => sum + bytes, 0);
}

/** Names of the images of the components on a node. */
export function imagesOf(topology: Topology, node: string, isAsked: (component: string) => boolean = () => true): readonly string[] {
  const components = topology.componentsOf(node).filter(({ name }) => isAsked(name));
  const images = components.flatMap(({ services }) =>
    services.flatMap(({ container }) => (container === undefined ? [] : [container.image])),
  );
  return [...new Set(images)];
}

/**
 * Estimated bytes of the unpacked images that the host does not have yet. A layer that several images share counts once. Where
 * the run changes no bundle, these are the images of components that the host does not have; where it does, all images, without
 * the layers that the host has of the bundle in force: both are there until the run has ended well.
 */
function imageBytes({ node, facts, state, images }: ObservedHost, { topology, bundle, change }: HostsToCheck): number {
  const there = change?.layers?.get(node.name);
  const names = new Set(imagesOf(topology, node.name, (component) => there !== undefined || !state.components.has(component)));
  const layers = new Map<string, number>();
  for (const image of bundle.manifest.images.filter(({ name }) => names.has(name))) {
    const own = image.platforms.filter(({ platform }) => parsePlatform(platform).architecture === facts.architecture);
    // A run that was killed has pulled some.
    const missing = own.filter(({ config }) => images?.get(image.name) !== config.digest);
    for (const platform of missing) for (const layer of platform.layers) layers.set(layer.digest, layer.size);
  }
  for (const digest of there ?? []) layers.delete(digest);
  return UNPACKED_PER_PACKED * [...layers.values()].reduce((sum, size) => sum + size, 0);
}

/**
 * Bytes of the packages in the package sets of a node's roles and components. For a node that has components already, because an
 * earlier run installed most of its packages, those alone that a change of the bundle brings in the place of others: what they
 * replace goes when they are unpacked, and not before.
 */
function packageBytes({ node, facts, state, isNode }: ObservedHost, { topology, bundle, change, tools }: HostsToCheck): number {
  const there = state.components.size > 0 ? change?.packages : new Set();
  if (!isNode || there === undefined) return 0;
  const system = systemOf(topology, facts);
  const sets = new Set(topology.packageSetsOf(node.name));
  const repository = repositoryOf(topology, facts, bundle.manifest.repositories);
  const architectures = tools.on(system?.packages).packages.architectures(facts.architecture);
  const wanted = (repository?.packages ?? []).filter(
    ({ architecture, set }) => architectures.includes(architecture) && set.some((name) => sets.has(name)),
  );
  return wanted.reduce((sum, { path }) => {
    const entry = bundle.entry(path);
    return sum + (entry === undefined || there.has(entry.digest) ? 0 : entry.size);
  }, 0);
}
