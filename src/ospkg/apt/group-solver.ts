import { type Group, type GroupSolver, namesOf } from '../close-together.ts';
import type { PackageSet } from '../package.ts';
import type { AptPackage } from './apt-package.ts';
import { Selection } from './selection.ts';
import { type Resolution, seedOf, type SolveOptions, solveSet } from './solve.ts';
import { offersOf, type Universe } from './universe.ts';

/** How sets that one host gets are solved, as apt solves them. */
export function aptGroupSolver(universe: Universe, options: Pick<SolveOptions, 'isBare'>): GroupSolver<AptPackage> {
  return {
    solve: (group) => solveGroup(universe, group, options),
    reach: (set, packages) => {
      const selection = new Selection(universe.architecture);
      for (const found of packages) selection.add(found);
      return reach(universe, selection, set);
    },
  };
}

function solveGroup(universe: Universe, group: Group, options: Pick<SolveOptions, 'isBare'>): Resolution {
  const recommending = group.filter(({ recommends }) => recommends === true).flatMap(namesOf);
  return solveSet(universe, group.flatMap(namesOf), { ...options, recommends: new Set(recommending) });
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
