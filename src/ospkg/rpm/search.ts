import type { Policy } from './policy.ts';
import { clausesOf, type Rule } from './rules.ts';
import { Contradiction, Decisions } from './sat.ts';
import type { RpmUniverse } from './universe.ts';
import { isSupplementing, recommendation } from './weak.ts';

/** A choice among several candidates, which may turn out to have been unnecessary. */
interface Branch {
  readonly level: number;
  readonly candidates: readonly number[];
  readonly tried: Set<number>;
}

export interface SearchInput {
  readonly universe: RpmUniverse;
  readonly policy: Policy;
  /** The rules of packages, in order, and then those of the wanted packages. */
  readonly rules: readonly Rule[];
  readonly jobs: readonly Rule[];
  /** True for packages of which the recommended ones come along; undefined where none does. */
  readonly isRecommending: ((chosen: readonly number[]) => (id: number) => boolean) | undefined;
}

/** A choice that was made for no reason but its place in the order. */
export interface Choice {
  readonly taken: number;
  readonly others: readonly number[];
}

/** Most steps of a search, each of which makes or takes back a choice. */
const STEP_LIMIT = 200_000;

/**
 * The search of libsolv (solver.c), with whose choices dnf answers: first the wanted packages, then dependencies, those with one
 * candidate before those with several, then weak dependencies; at the end choices are taken back that something else made
 * unnecessary. A conflict teaches a rule and goes back as far as it reaches.
 */
export class Search {
  readonly #input: SearchInput;
  readonly #decisions: Decisions;
  #branches: Branch[] = [];
  #steps = 0;

  constructor(input: SearchInput) {
    this.#input = input;
    this.#decisions = new Decisions(input.universe.size, [...input.rules, ...input.jobs]);
  }

  /** The numbers of the packages to install, or the rules that cannot hold together. */
  run(): { readonly chosen: readonly number[]; readonly choices: readonly Choice[] } | Contradiction {
    const failure = this.#decisions.start();
    if (failure !== undefined) return failure;
    try {
      this.#settle();
    } catch (error) {
      if (error instanceof Dead) return error.contradiction;
      throw error;
    }
    const chosen = this.#decisions.order.filter((literal) => literal > 0);
    const choices = this.#branches.flatMap(({ candidates }) => {
      const taken = candidates.find((id) => this.#decisions.level(id) > 0);
      return taken === undefined ? [] : [{ taken, others: candidates.filter((id) => id !== taken) }];
    });
    return { chosen, choices };
  }

  #settle(): void {
    let level = 1;
    let settled = 2;
    for (;;) {
      if (level < settled) {
        const before = level;
        level = this.#decideJobs(level);
        if (level < before) continue;
        settled = level;
      }
      const before = level;
      level = this.#decideDependencies(level);
      if (level < before) continue;
      const weak = this.#decideWeak(level);
      if (weak !== undefined) {
        level = weak;
        continue;
      }
      const better = this.#takeBack();
      if (better === undefined) return;
      level = better;
    }
  }

  #decideJobs(origin: number): number {
    let level = origin;
    const { jobs } = this.#input;
    for (let index = 0; index < jobs.length; index += 1) {
      const open = this.#openOf(jobs[index]);
      if (open === undefined) continue;
      const before = level;
      level = this.#select(level, open);
      if (level > before) continue;
      if (level < origin) return level;
      index = level === before ? index - 1 : -1;
    }
    return level;
  }

  /** Choices with one candidate left come first; those with several wait until nothing else is open. */
  #decideDependencies(origin: number): number {
    let level = origin;
    let postponed: number | undefined;
    let isPostponing = true;
    let unchanged = 0;
    for (let index = 0; ; index += 1, unchanged += 1) {
      const { rules } = this.#decisions;
      if (unchanged >= rules.length) {
        if (postponed === undefined || !isPostponing) return level;
        index = postponed;
        isPostponing = false;
        postponed = undefined;
        unchanged = 0;
      }
      if (index >= rules.length) index = 0;
      const open = this.#openOf(rules[index]);
      if (open === undefined) continue;
      if (isPostponing && this.#input.policy.choose(open, this.#decisions).length > 1) {
        postponed ??= index;
        continue;
      }
      level = this.#select(level, open);
      if (level < origin) return level;
      unchanged = -1;
    }
  }

  /** The candidates of a rule that only a choice can meet; undefined for one that is met or that no choice concerns. */
  #openOf(rule: Rule | undefined): readonly number[] | undefined {
    const open: number[] = [];
    for (const literal of rule?.literals ?? []) {
      const level = this.#decisions.level(Math.abs(literal));
      if (literal < 0 ? level <= 0 : level > 0) return undefined;
      if (literal > 0 && level === 0) open.push(literal);
    }
    return open.length === 0 ? undefined : open;
  }

  #select(level: number, candidates: readonly number[]): number {
    const ranked = this.#input.policy.rank(candidates, this.#decisions);
    const [first] = ranked;
    if (first === undefined) throw new Error('a choice has no candidate');
    if (ranked.length > 1) this.#branches.push({ level, candidates: ranked, tried: new Set([first]) });
    return this.#choose(level, first);
  }

  #choose(level: number, id: number): number {
    if (++this.#steps > STEP_LIMIT) throw new Dead(new Contradiction([]));
    const reached = this.#decisions.choose(level, id);
    if (reached instanceof Contradiction) throw new Dead(reached);
    if (reached <= level) this.#dropBranches(reached);
    return reached;
  }

  #dropBranches(level: number): void {
    while ((this.#branches.at(-1)?.level ?? -1) >= level) this.#branches.pop();
  }

  /** Adds packages that others recommend, or that supplement others. Undefined where nothing is to be added. */
  #decideWeak(origin: number): number | undefined {
    const { universe, policy, isRecommending } = this.#input;
    if (isRecommending === undefined) return undefined;
    const decisions = this.#decisions;
    const owners = isRecommending(decisions.order.filter((literal) => literal > 0));
    const recommended = new Set<number>();
    for (let id = 1; id <= universe.size; id += 1) {
      if (decisions.level(id) <= 0 || !owners(id)) continue;
      for (const candidates of this.#recommendedBy(id)) for (const candidate of candidates) recommended.add(candidate);
    }
    const supplementing: number[] = [];
    for (let id = 1; id <= universe.size; id += 1) {
      if (decisions.level(id) === 0 && universe.refusalOf(id) === undefined && isSupplementing(universe, id, decisions))
        supplementing.push(id);
    }
    const all = [...new Set([...recommended, ...supplementing])];
    const [first] = all;
    if (first === undefined) return undefined;
    if (all.length === 1) return this.#choose(origin, first);
    const best = new Set(policy.best(all));
    let level = origin;
    const count = decisions.order.length;
    for (const id of policy.order(
      supplementing.filter((one) => best.has(one)),
      decisions,
    )) {
      if (decisions.level(id) !== 0) continue;
      const before = level;
      level = this.#choose(level, id);
      if (level <= before) return level;
    }
    if (decisions.order.length < count) return level;
    for (const owner of decisions.order.slice(0, count)) {
      if (owner < 0 || !owners(owner)) continue;
      for (const candidates of this.#recommendedBy(owner)) {
        const left = candidates.filter((id) => best.has(id) && decisions.level(id) === 0);
        if (left.length === 0) continue;
        const ranked = policy.rank(left, decisions);
        const [taken] = ranked;
        if (taken === undefined) continue;
        if (ranked.length > 1) this.#branches.push({ level, candidates: ranked, tried: new Set([taken]) });
        const before = level;
        level = this.#choose(level, taken);
        if (level <= before || decisions.order.length < count) return level;
      }
    }
    return level;
  }

  /** Undecided candidates of each recommendation of a package that nothing meets. */
  #recommendedBy(owner: number): readonly (readonly number[])[] {
    const { universe } = this.#input;
    return universe.at(owner).recommends.flatMap((dependency) =>
      clausesOf(universe, dependency).flatMap((clause) => {
        const open: number[] = [];
        for (const literal of clause) {
          const level = this.#decisions.level(Math.abs(literal));
          if (literal < 0 ? level <= 0 : level > 0) return [];
          if (literal > 0 && level === 0) open.push(literal);
        }
        return open.length === 0 ? [] : [open];
      }),
    );
  }

  /** Takes another candidate where a later decision brought it along, so that the first is not needed, or where it is recommended. */
  #takeBack(): number | undefined {
    const wished = recommendation(this.#input.universe, this.#decisions);
    let found: { readonly branch: Branch; readonly id: number } | undefined;
    for (const branch of this.#branches.toReversed()) {
      const untried = branch.candidates.filter((id) => !branch.tried.has(id));
      const later = untried.find((id) => this.#decisions.level(id) > branch.level);
      if (later !== undefined) {
        found = { branch, id: later };
        continue;
      }
      const better = untried.find(wished);
      const taken = branch.candidates.find((id) => branch.tried.has(id) && this.#decisions.level(id) === branch.level + 1);
      if (better !== undefined && taken !== undefined && !wished(taken)) found = { branch, id: better };
    }
    if (found === undefined) return undefined;
    const { branch, id } = found;
    branch.tried.add(id);
    this.#branches = this.#branches.slice(0, this.#branches.indexOf(branch) + 1);
    this.#decisions.revert(branch.level);
    return this.#choose(branch.level, id);
  }
}

/** Ends a search without a solution. */
class Dead extends Error {
  readonly contradiction: Contradiction;

  constructor(contradiction: Contradiction) {
    super('the rules contradict each other');
    this.contradiction = contradiction;
  }
}
