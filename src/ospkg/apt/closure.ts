import { type Disqualification, UnsolvableError } from '../explain.ts';
import type { PackageSet } from '../package.ts';
import type { AptPackage } from './apt-package.ts';
import type { AptRecord } from './apt-record.ts';
import type { AptIndex } from './load-index.ts';
import { readRecords } from './read-records.ts';
import { type Resolution, solveSet } from './solve.ts';
import { Universe } from './universe.ts';

/** Name of the set of base packages, which every host needs. */
const BASE_SET = 'base';

export interface ClosePackagesOptions {
  readonly sets: readonly PackageSet[];
  /** Packages that hosts are likely to have already, in any version. */
  readonly base: { readonly priorities: readonly string[]; readonly packages?: readonly string[] };
  readonly signal?: AbortSignal;
}

/** The packages of a repository that is a host's only one. */
export interface PackageClosure {
  /** By name; each with the sets that need it, sorted. */
  readonly packages: readonly { readonly record: AptRecord; readonly sets: readonly string[] }[];
}

/** Priorities whose packages most hosts have, so that their siblings move when they move. */
const COMMON_PRIORITIES: readonly string[] = ['required', 'important', 'standard'];

/**
 * Closes package sets down to an empty system: dependencies, essential packages, the base priorities, and the siblings
 * of all these. Sets are solved one by one and then united, because two sets may conflict. Throws PACKAGE_UNSOLVABLE as
 * an UnsolvableError that names every package of every set that cannot be installed, and REPOSITORY_INVALID.
 */
export async function closePackages(index: AptIndex, options: ClosePackagesOptions): Promise<PackageClosure> {
  const chosen = choosePackages(index, options);
  const records = await readRecords(chosen.keys(), options.signal);
  const packages = [...chosen].flatMap(([found, sets]) => {
    const record = records.get(found);
    return record === undefined ? [] : [{ record, sets: [...sets].sort() }];
  });
  return { packages: packages.sort((a, b) => (a.record.name < b.record.name ? -1 : 1)) };
}

/** Every package that is needed, each with the sets that need it. */
function choosePackages(index: AptIndex, options: ClosePackagesOptions): ReadonlyMap<AptPackage, ReadonlySet<string>> {
  const universe = new Universe(index.records, index.architecture);
  const failures: Disqualification[] = [];
  const chosen = new Map<AptPackage, Set<string>>();
  const take = (set: string, resolution: Resolution): void => {
    if (resolution.ok) resolution.packages.forEach((found) => addTo(chosen, found, set));
    else failures.push(...resolution.failures.map((failure) => ({ set, ...failure })));
  };

  for (const set of options.sets) take(set.name, solveSet(universe, set.packages));
  for (const resolution of solveBase(universe, options.base)) take(BASE_SET, resolution);
  if (failures.length > 0) throw new UnsolvableError(failures);
  addSiblings(universe, [...COMMON_PRIORITIES, ...options.base.priorities], chosen);
  return chosen;
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

function sourceKey({ source }: AptPackage): string {
  return `${source.name} ${source.version}`;
}

function addTo(chosen: Map<AptPackage, Set<string>>, found: AptPackage, set: string): void {
  const sets = chosen.get(found);
  if (sets === undefined) chosen.set(found, new Set([set]));
  else sets.add(set);
}
