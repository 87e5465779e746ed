import { digestOf, silent, type Digest, type Emit } from '../../core/index.ts';
import { closeTogether, groupsOf, namesOf, type GroupSolver } from '../close-together.ts';
import { UnsolvableError } from '../explain.ts';
import { digestIn, requireListed } from '../file-hash.ts';
import { addressOf, packageNameOf, type FetchFile, type PackageSet, type PackageTie } from '../package.ts';
import type { Dependency } from './dependency.ts';
import type { RpmRecord } from './documents.ts';
import type { RpmIndex } from './load-repositories.ts';
import { moduleFilter } from './modules.ts';
import { requireSignedPackage } from './package-signature.ts';
import { primaryElement } from './primary-element.ts';
import { readElements } from './read-elements.ts';
import { readFilelists } from './read-filelists.ts';
import { listedRpm, type RpmPackage } from './rpm-package.ts';
import { candidatesOf, reachOf, solveRpmSet } from './solve.ts';
import { RpmUniverse, type RpmWish } from './universe.ts';
import type { XmlElement } from './xml.ts';

/** Name of the set of base packages, which every host needs. */
const BASE_SET = 'base';

/** Packages that are fetched at the same time, to check their signatures. */
const FETCHED_AT_ONCE = 4;

export interface CloseRpmOptions {
  readonly sets: readonly PackageSet[];
  /** Names of sets that one host gets together; a set in no list is solved for itself. */
  readonly together?: readonly (readonly string[])[];
  /** Patterns of packages that are never taken. */
  readonly exclude?: readonly string[];
  /** Streams of modules that are enabled, as NAME:STREAM. */
  readonly modules?: readonly string[];
  /** Versions by name of the package that are kept as long as they are on offer. */
  readonly held?: ReadonlyMap<string, string>;
  /** Packages that every host has. */
  readonly base: { readonly packages: readonly string[] };
  /**
   * Armored keys, one of which must have signed each package, by the address of the repository. Undefined for a repository whose
   * packages were checked before; none is fetched then.
   */
  readonly keys: ReadonlyMap<string, readonly string[]> | undefined;
  readonly fetch: FetchFile;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

/** The packages of a repository that is a host's only one. */
export interface RpmClosure {
  /** By name; each with the sets that need it, sorted. */
  readonly packages: readonly { readonly record: RpmRecord; readonly sets: readonly string[] }[];
  /** Choices that only the order of the metadata decided, by name. */
  readonly ties: readonly PackageTie[];
}

/**
 * Closes package sets down to an empty system. Sets that one host gets are solved together, and with the base. Every chosen
 * package is fetched once to check its digest and its signature, which hosts check, too. Throws PACKAGE_UNSOLVABLE as an
 * UnsolvableError, REPOSITORY_INVALID, REPOSITORY_UNTRUSTED, DIGEST_MISMATCH and what `fetch` throws.
 */
export async function closeRpmPackages(index: RpmIndex, options: CloseRpmOptions): Promise<RpmClosure> {
  const { universe, chosen, ties } = await choosePackages(index, options);
  const packages = [...chosen.keys()].map((id) => universe.at(id));
  const elements = await readElements(packages, options.signal);
  const files = neededFiles(universe, chosen);
  const found: { record: RpmRecord; sets: readonly string[] }[] = [];
  const waiting = [...chosen];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [id, sets] = next;
      const element = elements.get(universe.at(id));
      if (element === undefined) throw new Error(`"${universe.at(id).place.origin.what}" is shorter than when it was first read`);
      found.push({ record: await checkedRecord(universe.at(id), element, files.get(id) ?? [], options), sets: [...sets].sort() });
    }
  };
  await Promise.all(Array.from({ length: FETCHED_AT_ONCE }, work));
  return { packages: found.sort((a, b) => (keyOf(a.record) < keyOf(b.record) ? -1 : 1)), ties };
}

interface Choice {
  readonly universe: RpmUniverse;
  readonly chosen: ReadonlyMap<number, ReadonlySet<string>>;
  readonly ties: readonly PackageTie[];
}

/** Chooses again when a file was asked for that filelists.xml has: that is read for such files alone. */
async function choosePackages(index: RpmIndex, options: CloseRpmOptions): Promise<Choice> {
  let wanted: ReadonlySet<string> = new Set();
  const filter = moduleFilter(index.modules, options.modules ?? []);
  for (;;) {
    options.signal?.throwIfAborted();
    const listed = wanted.size === 0 ? new Map<string, readonly number[]>() : await readFilelists(index.table, wanted);
    const { exclude, held } = options;
    const universe = new RpmUniverse(
      index.table,
      {
        versions: versionWishes(options.sets),
        ...(exclude === undefined ? {} : { exclude }),
        ...(held === undefined ? {} : { held }),
        ...(filter === undefined ? {} : { modules: filter }),
      },
      listed,
    );
    const choice = chooseOnce(universe, index.architecture, options);
    if (universe.unread.size === 0) {
      if (choice instanceof UnsolvableError) throw choice;
      for (const message of choice.warnings) (options.emit ?? silent)({ type: 'warning', message });
      return { ...choice, universe };
    }
    wanted = new Set([...wanted, ...universe.unread]);
  }
}

function chooseOnce(
  universe: RpmUniverse,
  architecture: string,
  { sets, together = [], base }: CloseRpmOptions,
): UnsolvableError | (Omit<Choice, 'universe'> & { readonly warnings: readonly string[] }) {
  const baseSet: readonly PackageSet[] = base.packages.length === 0 ? [] : [{ name: BASE_SET, packages: base.packages }];
  const groups = groupsOf(sets, together).map((group) => [...group, ...baseSet]);
  const { needs, failures, ties, warnings } = closeTogether(groups.length === 0 ? [baseSet] : groups, solverOf(universe, architecture));
  if (failures.length > 0) return new UnsolvableError(failures);
  const chosen = new Map<number, Set<string>>();
  for (const { found, set } of needs) chosen.set(found, (chosen.get(found) ?? new Set()).add(set));
  return { chosen, ties: [...new Map(ties.map((tie) => [tie.name, tie])).values()].sort((a, b) => (a.name < b.name ? -1 : 1)), warnings };
}

function solverOf(universe: RpmUniverse, architecture: string): GroupSolver<number> {
  return {
    solve: (group) => {
      const recommends = new Set(group.filter((set) => set.recommends === true).flatMap(namesOf));
      return solveRpmSet(universe, group.flatMap(namesOf), { architecture, recommends });
    },
    reach: (set, packages) => {
      const seeds = namesOf(set).flatMap((name) => candidatesOf(universe, name));
      return reachOf(universe, new Set(packages), seeds, { weak: set.recommends === true });
    },
  };
}

/** Versions hold for all sets: a repository with two versions of a package gives every host the newer one. */
function versionWishes(sets: readonly PackageSet[]): ReadonlyMap<string, readonly RpmWish[]> {
  const wishes = new Map<string, RpmWish[]>();
  for (const { name: set, packages } of sets) {
    for (const wanted of packages) {
      const name = packageNameOf(wanted);
      if (wanted !== name) wishes.set(name, [...(wishes.get(name) ?? []), { version: wanted.slice(name.length + 1), set }]);
    }
  }
  return wishes;
}

/** Files that chosen packages require and chosen packages have, by package. */
function neededFiles(universe: RpmUniverse, chosen: ReadonlyMap<number, unknown>): ReadonlyMap<number, readonly string[]> {
  const files = new Map<number, string[]>();
  const look = (dependency: Dependency): void => {
    if (dependency.kind !== 'capability') return dependency.parts.forEach(look);
    if (!dependency.name.startsWith('/')) return;
    for (const id of universe.providers(dependency)) {
      const isItself = universe.at(id).provides.some(({ name }) => name === dependency.name);
      if (chosen.has(id) && !isItself) files.set(id, [...(files.get(id) ?? []), dependency.name]);
    }
  };
  for (const id of chosen.keys()) universe.at(id).requires.forEach(look);
  return files;
}

async function checkedRecord(
  { name, version, architecture, place }: RpmPackage,
  element: XmlElement,
  files: readonly string[],
  options: CloseRpmOptions,
): Promise<RpmRecord> {
  const { filename, size, hash, source } = listedRpm(element);
  const { repository } = place.origin;
  const recordOf = (digest: Digest): RpmRecord => {
    return { name, version, architecture, source, repository, filename, size, digest, element: primaryElement(element, digest, files) };
  };
  const known = options.keys === undefined ? digestIn(hash) : undefined;
  if (known !== undefined) return recordOf(known);
  const url = addressOf({ repository, filename });
  options.signal?.throwIfAborted();
  const bytes =
    (await options.fetch(url, { limit: size, ...(options.signal === undefined ? {} : { signal: options.signal }) })) ?? Buffer.alloc(0);
  const hint = 'The mirror may be in the middle of an update: try again in some minutes, or use another mirror';
  await requireListed(bytes, { size, digest: hash }, { what: `"${url}"`, hint });
  await requireSignedPackage(bytes, { name, version, architecture }, options.keys?.get(repository) ?? [], url);
  return recordOf(digestOf(bytes));
}

function keyOf({ name, architecture, version }: RpmRecord): string {
  return `${name} ${architecture} ${version}`;
}
