import type { Dependency } from './dependency.ts';
import { clausesOf } from './rules.ts';
import type { Decisions } from './sat.ts';
import type { RpmUniverse } from './universe.ts';

/** Whether the packages that are installed so far meet a dependency. */
function isMet(universe: RpmUniverse, dependency: Dependency, decisions: Decisions): boolean {
  const of = (part: Dependency | undefined): boolean => part !== undefined && isMet(universe, part, decisions);
  const [first, condition, otherwise] = dependency.kind === 'capability' ? [] : dependency.parts;
  switch (dependency.kind) {
    case 'and':
      return dependency.parts.every(of);
    case 'or':
      return dependency.parts.some(of);
    case 'if':
      return of(condition) ? of(first) : otherwise === undefined || of(otherwise);
    case 'unless':
      return of(condition) ? otherwise !== undefined && of(otherwise) : of(first);
    default:
      return universe.providersOf(dependency).some((id) => decisions.level(id) > 0);
  }
}

/** True for a package that says itself that it goes with one that is installed. */
export function isSupplementing(universe: RpmUniverse, id: number, decisions: Decisions): boolean {
  return universe.at(id).supplements.some((item) => isMet(universe, item, decisions));
}

function isEnhancing(universe: RpmUniverse, id: number, decisions: Decisions): boolean {
  return universe.at(id).enhances.some((item) => isMet(universe, item, decisions));
}

/** The packages that those installed so far recommend or suggest. */
function wishedFor(universe: RpmUniverse, decisions: Decisions, kind: 'recommends' | 'suggests'): ReadonlySet<number> {
  const wished = new Set<number>();
  for (const owner of decisions.order) {
    if (owner < 0) continue;
    for (const dependency of universe.at(owner)[kind]) {
      for (const clause of clausesOf(universe, dependency)) {
        if (clause.some((literal) => literal < 0 && decisions.level(-literal) <= 0)) continue;
        for (const literal of clause) if (literal > 0) wished.add(literal);
      }
    }
  }
  return wished;
}

/** True for candidates that an installed package recommends, or that supplement one. */
export function recommendation(universe: RpmUniverse, decisions: Decisions): (id: number) => boolean {
  const wished = wishedFor(universe, decisions, 'recommends');
  return (id) => wished.has(id) || isSupplementing(universe, id, decisions);
}

/** True for candidates that an installed package suggests, or that enhance one. */
export function suggestion(universe: RpmUniverse, decisions: Decisions): (id: number) => boolean {
  const wished = wishedFor(universe, decisions, 'suggests');
  return (id) => wished.has(id) || isEnhancing(universe, id, decisions);
}
