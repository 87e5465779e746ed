import { type Disqualification, formatReasons, formatSet } from '../explain.ts';
import { packageNameOf, type PackageSet, type PackageTie } from '../package.ts';
import type { AptPackage } from './apt-package.ts';
import { Selection } from './selection.ts';
import { type Resolution, seedOf, type SolveOptions, solveSet } from './solve.ts';
import { offersOf, type Universe } from './universe.ts';

/** The packages that groups of sets need, or why some of them cannot be installed. */
export interface GroupResolution {
  readonly needs: readonly { readonly found: AptPackage; readonly set: string }[];
  readonly failures: readonly Disqualification[];
  readonly ties: readonly PackageTie[];
  /** Groups that no host can have at the same time. */
  readonly warnings: readonly string[];
}

/** Sets that one host gets. */
type Group = readonly PackageSet[];

/**
 * Solves groups of sets, each as one host gets it. All groups are solved as one where that is possible, because a host may
 * be of several kinds; where only the groups for themselves can be solved, a warning says which sets no host can have
 * at the same time. A group that cannot be solved is a failure that names every package, or the sets that conflict.
 */
export function closeTogether(universe: Universe, groups: readonly Group[], options: Pick<SolveOptions, 'isBare'>): GroupResolution {
  const solve = (group: Group): Resolution => solveGroup(universe, group, options);
  const all = unite(groups);
  const united = solve(all);
  if (united.ok) return { needs: attribute(universe, all, united.packages), failures: [], ties: united.ties, warnings: [] };

  const outcomes = groups.map((group) => ({ group, resolution: solve(group) }));
  const failures = outcomes.flatMap(({ group, resolution }) => (resolution.ok ? [] : explain(group, resolution, solve)));
  const solved = outcomes.flatMap(({ group, resolution }) => (resolution.ok ? [{ group, resolution }] : []));
  return {
    needs: solved.flatMap(({ group, resolution }) => attribute(universe, group, resolution.packages)),
    failures: withoutRepeats(failures),
    ties: solved.flatMap(({ resolution }) => resolution.ties),
    warnings: failures.length > 0 ? [] : explain(all, united, solve).map(describeApart),
  };
}

function unite(groups: readonly Group[]): Group {
  return [...new Map(groups.flat().map((set) => [set.name, set])).values()];
}

function solveGroup(universe: Universe, group: Group, options: Pick<SolveOptions, 'isBare'>): Resolution {
  const recommending = group.filter(({ recommends }) => recommends === true).flatMap(namesOf);
  return solveSet(universe, group.flatMap(namesOf), { ...options, recommends: new Set(recommending) });
}

function namesOf({ packages }: PackageSet): string[] {
  return packages.map(packageNameOf);
}

/** Packages that cannot be installed at all; else the smallest number of sets that conflict. */
function explain(group: Group, failed: Resolution & { readonly ok: false }, solve: (group: Group) => Resolution): Disqualification[] {
  const alone = group.flatMap((set) => failuresOf([set], solve));
  if (alone.length > 0) return alone;
  const pairs = group.flatMap((set, index) => group.slice(index + 1).flatMap((other) => failuresOf([set, other], solve)));
  if (pairs.length > 0) return pairs;
  return failed.failures.map((failure) => disqualified(group, failure));
}

function failuresOf(sets: Group, solve: (group: Group) => Resolution): Disqualification[] {
  const resolution = solve(sets);
  return resolution.ok ? [] : resolution.failures.map((failure) => disqualified(sets, failure));
}

function disqualified(sets: Group, failure: { readonly package: string; readonly reasons: Disqualification['reasons'] }): Disqualification {
  const owner = sets.find((set) => namesOf(set).includes(failure.package)) ?? sets[0];
  const asked = (set: PackageSet | undefined): { readonly set: string; readonly askedBy: readonly string[] } => ({
    set: set?.name ?? '',
    askedBy: set?.askedBy ?? [],
  });
  const others = sets.filter((set) => set !== owner);
  const [first, ...reasons] = failure.reasons;
  const help = 'Take one of the packages out of its set, or give the sets to roles that no host has at the same time';
  const advised = first === undefined || others.length === 0 ? failure.reasons : [{ ...first, help }, ...reasons];
  return {
    ...asked(owner),
    package: failure.package,
    reasons: advised,
    ...(others.length === 0 ? {} : { beside: others.map(asked) }),
  };
}

/** Sets that several groups have are told once. */
function withoutRepeats(failures: readonly Disqualification[]): Disqualification[] {
  const keyOf = ({ set, package: name, beside = [] }: Disqualification): string =>
    [set, name, ...beside.map((other) => other.set)].join(' ');
  return [...new Map(failures.map((failure) => [keyOf(failure), failure])).values()];
}

function describeApart({ set, askedBy = [], beside = [], reasons }: Disqualification): string {
  const sets = [{ set, askedBy }, ...beside].map((item) => formatSet(item));
  return `No host can get ${sets.join(' and ')} at the same time, so keep these roles on different hosts:\n${formatReasons(reasons, '  ')}`;
}

/** The packages that each set of a solved group needs. What no set reaches by itself is needed by the group as a whole. */
function attribute(universe: Universe, group: Group, packages: readonly AptPackage[]): GroupResolution['needs'] {
  const selection = new Selection(universe.architecture);
  for (const found of packages) selection.add(found);
  const needs = group.flatMap((set) => [...reach(universe, selection, set)].map((found) => ({ found, set: set.name })));
  const reached = new Set(needs.map(({ found }) => found));
  const rest = packages.filter((found) => !reached.has(found));
  return [...needs, ...rest.flatMap((found) => group.map(({ name }) => ({ found, set: name })))];
}

function reach(universe: Universe, selection: Selection, set: PackageSet): ReadonlySet<AptPackage> {
  const seeds = namesOf(set).flatMap((name) => seedOf(universe, name).found ?? []);
  const reached = new Set<AptPackage>(seeds);
  const waiting = [...seeds];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const groups = set.recommends === true ? [...next.requires, ...next.recommends] : next.requires;
    for (const group of groups) {
      const offers = group.flatMap((requirement) => offersOf(universe, requirement));
      const found = offers.find((offer) => selection.has(offer)) ?? selection.satisfying(group)[0];
      if (found === undefined || reached.has(found)) continue;
      reached.add(found);
      waiting.push(found);
    }
  }
  return reached;
}
