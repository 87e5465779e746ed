import { digestOf, silent, type Emit } from '../../core/index.ts';
import { closeTogether, type GroupResolution, groupsOf } from '../close-together.ts';
import { type Disqualification, UnsolvableError } from '../explain.ts';
import { addressOf, packageNameOf, type FetchFile, type PackageSet, type PackageTie } from '../package.ts';
import type { AptPackage } from './apt-package.ts';
import type { AptRecord, ListedRecord } from './apt-record.ts';
import { digestIn, requireListed } from '../file-hash.ts';
import { aptGroupSolver } from './group-solver.ts';
import type { AptIndex } from './load-index.ts';
import { readRecords } from './read-records.ts';
import { type Resolution, solveSet } from './solve.ts';
import { exactNeeds, Universe, type VersionWish } from './universe.ts';

/** Name of the set of base packages, which every host needs. */
const BASE_SET = 'base';

export interface ClosePackagesOptions {
  readonly sets: readonly PackageSet[];
  /** Names of sets that one host gets together; a set in no list is solved for itself. */
  readonly together?: readonly (readonly string[])[];
  /** Patterns of packages that are never taken. */
  readonly exclude?: readonly string[];
  /** Versions by name of the package that are kept as long as they are on offer. */
  readonly held?: ReadonlyMap<string, string>;
  /** Packages that hosts are likely to have already, in any version. */
  readonly base: { readonly priorities: readonly string[]; readonly packages?: readonly string[] };
  /** Needed where a repository lists files by SHA-512 alone: their SHA-256, which bundles go by, is computed. */
  readonly fetch?: FetchFile;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

/** The packages of a repository that is a host's only one. */
export interface PackageClosure {
  /** By name; each with the sets that need it, sorted. */
  readonly packages: readonly { readonly record: AptRecord; readonly sets: readonly string[] }[];
  /** Choices that apt leaves to chance, by name. */
  readonly ties: readonly PackageTie[];
}

/** Priorities whose packages most hosts have, so that their siblings move when they move. */
const COMMON_PRIORITIES: readonly string[] = ['required', 'important', 'standard'];

/**
 * Closes package sets down to an empty system: dependencies, essential packages, the base priorities, and the siblings
 * of all these. Sets that one host gets are solved together. Throws PACKAGE_UNSOLVABLE as an UnsolvableError that names
 * every package of every set that cannot be installed, REPOSITORY_INVALID, and where a file must be fetched
 * DIGEST_MISMATCH and what `fetch` throws.
 */
export async function closePackages(index: AptIndex, options: ClosePackagesOptions): Promise<PackageClosure> {
  const { chosen, ties } = choosePackages(index, options);
  const records = await readRecords(chosen.keys(), options.signal);
  const packages: { readonly record: AptRecord; readonly sets: readonly string[] }[] = [];
  for (const [found, sets] of chosen) {
    const record = records.get(found);
    if (record !== undefined) packages.push({ record: await withDigest(record, options), sets: [...sets].sort() });
  }
  return { packages: packages.sort((a, b) => (a.record.name < b.record.name ? -1 : 1)), ties };
}

interface Choice {
  /** Every package that is needed, each with the sets that need it. */
  readonly chosen: ReadonlyMap<AptPackage, ReadonlySet<string>>;
  readonly ties: readonly PackageTie[];
}

function choosePackages(index: AptIndex, options: ClosePackagesOptions): Choice {
  const { sets, together = [], exclude = [], held = new Map(), base, emit = silent } = options;
  const universe = new Universe(index.records, index.architecture, { versions: versionWishes(sets), exclude, held });
  const failures: Disqualification[] = [];
  const chosen = new Map<AptPackage, Set<string>>();
  const ties = new Map<string, PackageTie>();
  const take = ({ failures: refused, needs, ties: own, warnings }: GroupResolution<AptPackage>): void => {
    failures.push(...refused);
    for (const { found, set } of needs) addTo(chosen, found, set);
    for (const tie of own) ties.set(tie.name, tie);
    for (const message of warnings) emit({ type: 'warning', message });
  };

  const isBare = ({ essential, priority }: AptPackage): boolean => essential || base.priorities.includes(priority);
  take(closeTogether(groupsOf(sets, together), aptGroupSolver(universe, { isBare })));
  for (const resolution of solveBase(universe, base)) {
    if (resolution.ok) resolution.packages.forEach((found) => addTo(chosen, found, BASE_SET));
    else failures.push(...resolution.failures.map((failure) => ({ set: BASE_SET, ...failure })));
  }
  if (failures.length > 0) throw new UnsolvableError(failures);
  addSiblings(universe, [...COMMON_PRIORITIES, ...base.priorities], chosen);
  addBound(universe, sets, chosen);
  return { chosen, ties: [...ties.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Versions hold for all sets: a repository with two versions of a package gives every host the newer one. */
function versionWishes(sets: readonly PackageSet[]): ReadonlyMap<string, readonly VersionWish[]> {
  const wishes = new Map<string, VersionWish[]>();
  for (const { name: set, packages } of sets) {
    for (const wanted of packages) {
      const name = packageNameOf(wanted);
      if (wanted === name) continue;
      wishes.set(name, [...(wishes.get(name) ?? []), { version: wanted.slice(name.length + 1), set }]);
    }
  }
  return wishes;
}

/** The record with the digest that bundles go by. A file that is listed by SHA-512 alone is fetched and held against it. */
async function withDigest(listed: ListedRecord, options: ClosePackagesOptions): Promise<AptRecord> {
  const { hash, ...record } = listed;
  const { stanza, ...facts } = record;
  const known = digestIn(hash);
  if (known !== undefined) return { ...facts, digest: known, stanza };
  const { signal } = options;
  if (options.fetch === undefined) throw new Error(`"${record.filename}" is listed by SHA-512 alone, and nothing can fetch it`);
  const url = addressOf(record);
  const bytes = await options.fetch(url, { limit: record.size, ...(signal === undefined ? {} : { signal }) });
  const names = {
    what: `"${url}"`,
    hint: 'The mirror may be in the middle of an update: try again in some minutes, or use another mirror',
  };
  await requireListed(bytes ?? Buffer.alloc(0), { size: record.size, digest: hash }, names);
  return { ...facts, digest: digestOf(bytes ?? Buffer.alloc(0)), stanza };
}

/** The whole base at once, as a system has it; package by package where some of it conflicts. */
function solveBase(universe: Universe, { priorities, packages = [] }: ClosePackagesOptions['base']): readonly Resolution[] {
  const common = universe.common().filter(({ essential, priority }) => essential || priorities.includes(priority));
  const names = [...common.map(({ name }) => name).sort(), ...packages];
  const together = solveSet(universe, names);
  return together.ok ? [together] : names.map((name) => solveSet(universe, [name]));
}

/**
 * Binaries of one source often need each other in exactly their own version. A host with an old binary that the
 * repository lacks could not install the others, so the siblings that hosts commonly have are added, with their
 * dependencies.
 */
function addSiblings(universe: Universe, priorities: readonly string[], chosen: Map<AptPackage, Set<string>>): void {
  const bySource = new Map<string, AptPackage[]>();
  for (const candidate of universe.common()) {
    if (!priorities.includes(candidate.priority)) continue;
    const key = sourceKey(candidate);
    bySource.set(key, [...(bySource.get(key) ?? []), candidate]);
  }
  const waiting = [...chosen.keys()];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const sibling of bySource.get(sourceKey(next)) ?? []) {
      if (chosen.has(sibling)) continue;
      const resolution = solveSet(universe, [sibling.name]);
      if (!resolution.ok) continue;
      waiting.push(...resolution.packages.filter((found) => !chosen.has(found)));
      resolution.packages.forEach((found) => addTo(chosen, found, BASE_SET));
    }
  }
}

/**
 * An install upgrades the packages that sets name, and what these need in exactly one version. Where a host has another package of
 * the same source that needs the older one exactly, such as a server beside its client, apt would remove it, unless the
 * repository has the version that fits. Such packages are added with their dependencies, whatever their priority.
 */
function addBound(universe: Universe, sets: readonly PackageSet[], chosen: Map<AptPackage, Set<string>>): void {
  const byName = new Map([...chosen.keys()].map((found) => [found.name, found]));
  const waiting = sets.flatMap(({ packages }) => packages.flatMap((wanted) => byName.get(packageNameOf(wanted)) ?? []));
  const moving = new Set<AptPackage>();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (moving.has(next)) continue;
    moving.add(next);
    waiting.push(...exactNeeds(next).flatMap(({ name }) => byName.get(name) ?? []));
    for (const bound of universe.boundTo(next)) {
      const resolution = chosen.has(bound) ? undefined : solveSet(universe, [bound.name]);
      if (resolution?.ok === false) continue;
      for (const found of resolution?.packages ?? []) {
        if (!chosen.has(found)) addTo(chosen, found, BASE_SET);
        byName.set(found.name, found);
      }
      waiting.push(bound);
    }
  }
}

function sourceKey({ source }: AptPackage): string {
  return `${source.name} ${source.version}`;
}

function addTo(chosen: Map<AptPackage, Set<string>>, found: AptPackage, set: string): void {
  const sets = chosen.get(found);
  if (sets === undefined) chosen.set(found, new Set([set]));
  else sets.add(set);
}
