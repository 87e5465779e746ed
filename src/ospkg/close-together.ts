import { type Disqualification, formatReasons, formatSet } from './explain.ts';
import { packageNameOf, type PackageSet, type PackageTie } from './package.ts';

/** The packages that groups of sets need, or why some of them cannot be installed. */
export interface GroupResolution<Found> {
  readonly needs: readonly { readonly found: Found; readonly set: string }[];
  readonly failures: readonly Disqualification[];
  readonly ties: readonly PackageTie[];
  /** Groups that no host can have at the same time. */
  readonly warnings: readonly string[];
}

/** Sets that one host gets. */
export type Group = readonly PackageSet[];

type Resolution<Found> =
  | { readonly ok: true; readonly packages: readonly Found[]; readonly ties: readonly PackageTie[] }
  | { readonly ok: false; readonly failures: readonly { readonly package: string; readonly reasons: Disqualification['reasons'] }[] };

/** How a format chooses packages for sets that one host gets. */
export interface GroupSolver<Found> {
  solve(group: Group): Resolution<Found>;
  /** Those of the chosen packages that a set needs by itself, also when it were alone. */
  reach(set: PackageSet, packages: readonly Found[]): ReadonlySet<Found>;
}

type Solve<Found> = (group: Group) => Resolution<Found>;

/**
 * Solves groups of sets, each as one host gets it. All groups are solved as one where that is possible, because a host may
 * be of several kinds; where only the groups for themselves can be solved, a warning says which sets no host can have
 * at the same time. A group that cannot be solved is a failure that names every package, or the sets that conflict.
 */
export function closeTogether<Found>(groups: readonly Group[], solver: GroupSolver<Found>): GroupResolution<Found> {
  const solve: Solve<Found> = (group) => solver.solve(group);
  const all = unite(groups);
  const united = solve(all);
  if (united.ok) return { needs: attribute(solver, all, united.packages), failures: [], ties: united.ties, warnings: [] };

  const outcomes = groups.map((group) => ({ group, resolution: solve(group) }));
  const failures = outcomes.flatMap(({ group, resolution }) => (resolution.ok ? [] : explain(group, resolution, solve)));
  const solved = outcomes.flatMap(({ group, resolution }) => (resolution.ok ? [{ group, resolution }] : []));
  return {
    needs: solved.flatMap(({ group, resolution }) => attribute(solver, group, resolution.packages)),
    failures: withoutRepeats(failures),
    ties: solved.flatMap(({ resolution }) => resolution.ties),
    warnings: failures.length > 0 ? [] : explain(all, united, solve).map(describeApart),
  };
}

function unite(groups: readonly Group[]): Group {
  return [...new Map(groups.flat().map((set) => [set.name, set])).values()];
}

/** Packages that cannot be installed at all; else the smallest number of sets that conflict. */
function explain<Found>(group: Group, failed: Resolution<Found> & { readonly ok: false }, solve: Solve<Found>): Disqualification[] {
  const alone = group.flatMap((set) => failuresOf([set], solve));
  if (alone.length > 0) return alone;
  const pairs = group.flatMap((set, index) => group.slice(index + 1).flatMap((other) => failuresOf([set, other], solve)));
  if (pairs.length > 0) return pairs;
  return failed.failures.map((failure) => disqualified(group, failure));
}

function failuresOf<Found>(sets: Group, solve: Solve<Found>): Disqualification[] {
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
function attribute<Found>(solver: GroupSolver<Found>, group: Group, packages: readonly Found[]): GroupResolution<Found>['needs'] {
  const needs = group.flatMap((set) => [...solver.reach(set, packages)].map((found) => ({ found, set: set.name })));
  const reached = new Set(needs.map(({ found }) => found));
  const rest = packages.filter((found) => !reached.has(found));
  return [...needs, ...rest.flatMap((found) => group.map(({ name }) => ({ found, set: name })))];
}

/** The names of a set's packages, without the versions that it asks for. */
export function namesOf({ packages }: PackageSet): string[] {
  return packages.map(packageNameOf);
}

/** The lists of sets, and one more for each set that no list has. */
export function groupsOf(sets: readonly PackageSet[], together: readonly (readonly string[])[]): readonly Group[] {
  const listed = new Set(together.flat());
  const alone = sets.filter(({ name }) => !listed.has(name)).map((set) => [set]);
  return [...together.map((names) => sets.filter(({ name }) => names.includes(name))), ...alone].filter((group) => group.length > 0);
}
