import { posix } from 'node:path';
import pLimit from 'p-limit';
import { CaissonError, type Digest } from '../../core/index.ts';
import { resourceId, type Resource } from '../../resources/index.ts';
import { usesKey, type Declared, type Wanted } from '../declared.ts';
import { componentResources } from './component.ts';
import { releaseOf } from './images.ts';
import { directoryResource } from './make.ts';
import { nodeResources } from './node.ts';
import { seedResources } from './seed.ts';

/**
 * Lists all resources that a declared cluster wants on its hosts and on the seed. Throws INPUT_INVALID when two owners
 * want the same resource differently, HOSTS_UNFIT when the bundle lacks an image, package or executable.
 */
export async function wantedResources(declared: Declared): Promise<Wanted> {
  const all = await everyWish(declared, () => true);
  return { resources: withoutRepeats(all), uses: usesOf(all), releases: releasesOf(declared) };
}

/** Lists the resources of one host, without computing those of other hosts. Throws as wantedResources does. */
export async function wantedOn(declared: Declared, host: string): Promise<readonly Resource[]> {
  return withoutRepeats(await everyWish(declared, (name) => name === host));
}

/** Each list waits for certificates and secrets that are read from the disk of the seed. */
const LISTS_AT_ONCE = 16;

/**
 * Resources of the hosts that `isMeant` selects, owner by owner. A resource may occur once for each owner that wants
 * it.
 */
async function everyWish(declared: Declared, isMeant: (host: string) => boolean): Promise<readonly Resource[]> {
  const { topology, seed } = declared;
  const nodes = topology.spec.nodes.filter(({ name }) => isMeant(name));
  const placements = topology.placements.filter(({ host }) => isMeant(host.name));
  const limit = pLimit(LISTS_AT_ONCE);
  // The first refusal in this order is thrown, whichever came first in time.
  const lists = await Promise.allSettled([
    ...(isMeant(seed.name) ? [limit(() => seedResources(declared))] : []),
    ...nodes.map((node) => limit(() => nodeResources(declared, node))),
    ...placements.map((placement) => limit(() => componentResources(declared, placement))),
  ]);
  return lists.flatMap((list) => {
    if (list.status === 'rejected') throw list.reason;
    return withParents(list.value);
  });
}

function releasesOf(declared: Declared): Readonly<Record<string, Digest>> {
  return Object.fromEntries(
    declared.topology.components.map((component): [string, Digest] => [component.name, releaseOf(declared, component)]),
  );
}

function usesOf(resources: readonly Resource[]): ReadonlyMap<string, readonly string[]> {
  const uses = new Map<string, string[]>();
  for (const resource of resources) {
    const key = usesKey(resource.host, resource.owner);
    const known = uses.get(key) ?? [];
    known.push(resourceId(resource));
    uses.set(key, known);
  }
  return uses;
}

const PATH_KINDS: ReadonlySet<Resource['kind']> = new Set([
  'file',
  'directory',
  'executable',
  'link',
  'artifact',
  'definition',
  'package-source',
]);

/** Adds the directories above each path. A directory that Caisson made there is removed when it is empty. */
function withParents(resources: readonly Resource[]): readonly Resource[] {
  return resources.flatMap((resource) => {
    const at = { host: resource.host, owner: resource.owner };
    const parents = new Set(pathsOf(resource).flatMap(ancestors));
    return [...[...parents].map((path) => directoryResource(at, path, { mode: 0o755, isParent: true })), resource];
  });
}

function pathsOf(resource: Resource): readonly string[] {
  if (resource.kind === 'certificate' || resource.kind === 'keypair') return resource.spec.files.map(({ path }) => path);
  return PATH_KINDS.has(resource.kind) ? [resource.key] : [];
}

/** Directories above a path, the root left out, shortest first. */
function ancestors(path: string): readonly string[] {
  const parent = posix.dirname(path);
  return parent === '/' || parent === '.' ? [] : [...ancestors(parent), parent];
}

/**
 * Keeps one resource for each id. A declared directory wins over one that only stands above a path; among equal ones
 * the first owner has it. Throws INPUT_INVALID when two owners want it differently.
 */
function withoutRepeats(resources: readonly Resource[]): readonly Resource[] {
  const chosen = new Map<string, Resource>();
  for (const resource of resources) {
    const id = `${resource.host} ${resourceId(resource)}`;
    const other = chosen.get(id);
    if (other === undefined || (isParent(other) && !isParent(resource))) chosen.set(id, resource);
    else if (!isParent(resource) && !isSame(other, resource)) {
      throw new CaissonError(
        'INPUT_INVALID',
        `Cannot plan ${resource.kind} "${resource.key}" on "${resource.host}": "${other.owner}" and "${resource.owner}" want it differently`,
        { hint: 'Let one component have it, and the other need that component' },
      );
    }
  }
  return [...chosen.values()];
}

function isParent(resource: Resource): boolean {
  return resource.kind === 'directory' && resource.spec.isParent === true;
}

/**
 * Also true for two undefined digests: the same content, such as the authority's certificate, that has not been made.
 */
function isSame(left: Resource, right: Resource): boolean {
  return left.digest === right.digest;
}
