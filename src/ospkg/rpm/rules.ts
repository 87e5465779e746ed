import { CaissonError } from '../../core/index.ts';
import { formatDependency, type Dependency } from './dependency.ts';
import type { RpmUniverse } from './universe.ts';

/**
 * A clause: at least one of its literals must hold. A positive number is a package that is installed, a negative one a package
 * that is not.
 */
export interface Rule {
  readonly literals: readonly number[];
  readonly cause: Cause;
}

/** Why there is a rule, for explanations. */
export type Cause =
  | {
      readonly kind: 'requires' | 'conflicts' | 'obsoletes';
      readonly owner: number;
      readonly text: string;
      readonly dependency: Dependency;
    }
  | { readonly kind: 'same-name'; readonly owner: number }
  | { readonly kind: 'inferior'; readonly owner: number }
  | { readonly kind: 'job'; readonly name: string }
  | { readonly kind: 'learnt'; readonly from: readonly Rule[] };

/** Most clauses that one dependency may become. */
const CLAUSE_LIMIT = 10_000;

/** The clauses of a dependency: all of them must hold for it to be met, or not to be met where `negated`. */
export function clausesOf(universe: RpmUniverse, dependency: Dependency, negated = false): readonly (readonly number[])[] {
  const of = (part: Dependency | undefined, isNegated: boolean): readonly (readonly number[])[] =>
    part === undefined ? [] : clausesOf(universe, part, isNegated);
  const { kind } = dependency;
  if (kind === 'capability' || kind === 'with' || kind === 'without') {
    const found = universe.providersOf(dependency);
    return negated ? found.map((id) => [-id]) : [found];
  }
  const { parts } = dependency;
  if (kind === 'and' || kind === 'or') {
    const lists = parts.map((part) => of(part, negated));
    return (kind === 'and') === negated ? lists.reduce(eitherOf, [[]]) : lists.flat();
  }
  const [first, condition, otherwise] = parts;
  if (kind === 'if') {
    // Where the condition holds the first part must, elsewhere the last; the opposite has the opposite of both.
    if (otherwise === undefined && negated) return [...of(condition, false), ...of(first, true)];
    const then = eitherOf(of(first, negated), of(condition, true));
    return otherwise === undefined ? then : [...then, ...eitherOf(of(otherwise, negated), of(condition, false))];
  }
  if (otherwise === undefined) {
    return negated ? eitherOf(of(first, true), of(condition, false)) : [...of(first, false), ...of(condition, true)];
  }
  return [...eitherOf(of(otherwise, negated), of(condition, true)), ...eitherOf(of(first, negated), of(condition, false))];
}

function eitherOf(left: readonly (readonly number[])[], right: readonly (readonly number[])[]): readonly (readonly number[])[] {
  if (left.length * right.length > CLAUSE_LIMIT) throw new CaissonError('LIMIT_EXCEEDED', 'Cannot use a dependency: it has too many parts');
  return left.flatMap((one) => right.map((other) => [...one, ...other]));
}

/**
 * The rules of every package that may come along with the given ones. They are sorted, because choices are made in the order of
 * rules: by package from the last to the first, then by the packages that meet a requirement.
 */
export function rulesFor(
  universe: RpmUniverse,
  roots: readonly number[],
  { weak, inferior }: { readonly weak: boolean; readonly inferior: (id: number) => boolean },
): { readonly rules: readonly Rule[]; readonly reached: ReadonlySet<number> } {
  const rules: Rule[] = [];
  const reached = new Set<number>();
  const waiting = [...roots].reverse();
  const visit = (): void => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (reached.has(id)) continue;
      reached.add(id);
      addRules(universe, id, rules, waiting);
      if (weak) {
        const { recommends, suggests } = universe.at(id);
        for (const item of [...recommends, ...suggests])
          for (const clause of clausesOf(universe, item)) waiting.push(...clause.filter((one) => one > 0));
      }
    }
  };
  visit();
  if (weak) {
    // A package that supplements or enhances one that may come along may come along itself.
    for (let before = -1; before !== reached.size;) {
      before = reached.size;
      for (let id = 1; id <= universe.size; id += 1) {
        if (reached.has(id) || universe.refusalOf(id) !== undefined) continue;
        const { supplements, enhances } = universe.at(id);
        if (![...supplements, ...enhances].some((item) => isPossible(universe, item, reached))) continue;
        waiting.push(id);
        visit();
      }
    }
  }
  for (const id of reached) if (inferior(id)) rules.push({ literals: [-id], cause: { kind: 'inferior', owner: id } });
  return { rules: sortedRules(rules), reached };
}

function addRules(universe: RpmUniverse, id: number, rules: Rule[], waiting: number[]): void {
  const { name, requires, conflicts, obsoletes } = universe.at(id);
  for (const dependency of requires) {
    const text = formatDependency(dependency);
    const clauses = clausesOf(universe, dependency);
    for (const clause of clauses) {
      if (clause.includes(id)) continue;
      const others = distinct(clause).filter((literal) => literal !== -id);
      if (others.some((literal) => others.includes(-literal) && literal > 0)) continue;
      rules.push({ literals: [-id, ...others], cause: { kind: 'requires', owner: id, text, dependency } });
      for (const literal of others) waiting.push(Math.abs(literal));
    }
  }
  for (const dependency of conflicts) {
    const text = formatDependency(dependency);
    for (const clause of clausesOf(universe, dependency, true)) {
      // A package does not conflict with itself.
      if (clause.length === 1 && clause[0] === -id) continue;
      const others = distinct(clause).filter((literal) => literal !== -id);
      if (others.includes(id)) continue;
      rules.push({ literals: sortedPair([-id, ...others]), cause: { kind: 'conflicts', owner: id, text, dependency } });
      for (const literal of others) if (literal > 0) waiting.push(literal);
    }
  }
  for (const dependency of obsoletes) {
    for (const other of universe.namedIn(dependency)) {
      if (other === id || universe.at(other).name === name) continue;
      rules.push({
        literals: sortedPair([-id, -other]),
        cause: { kind: 'obsoletes', owner: id, text: formatDependency(dependency), dependency },
      });
    }
  }
  const isSideBySide = universe.isSideBySide(id);
  for (const other of universe.named(name)) {
    if (isSideBySide && universe.isSideBySide(other)) continue;
    if (other !== id) rules.push({ literals: sortedPair([-id, -other]), cause: { kind: 'same-name', owner: id } });
  }
}

function distinct(clause: readonly number[]): readonly number[] {
  return [...new Set(clause)].sort((a, b) => a - b);
}

/** Rules of two packages that exclude each other are the same from either side. */
function sortedPair(literals: readonly number[]): readonly number[] {
  return literals.length === 2 ? literals.toSorted((a, b) => a - b) : literals;
}

function sortedRules(rules: readonly Rule[]): readonly Rule[] {
  const sorted = rules.toSorted((a, b) => compareLiterals(a.literals, b.literals));
  return sorted.filter((rule, index) => index === 0 || compareLiterals(rule.literals, sorted[index - 1]?.literals ?? []) !== 0);
}

function compareLiterals(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function isPossible(universe: RpmUniverse, dependency: Dependency, reached: ReadonlySet<number>): boolean {
  if (dependency.kind === 'and') return dependency.parts.every((part) => isPossible(universe, part, reached));
  if (dependency.kind === 'or') return dependency.parts.some((part) => isPossible(universe, part, reached));
  if (dependency.kind === 'if' || dependency.kind === 'unless') return true;
  return universe.providersOf(dependency).some((id) => reached.has(id));
}
