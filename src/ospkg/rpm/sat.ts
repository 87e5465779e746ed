import type { Rule } from './rules.ts';

interface Watched {
  readonly rule: Rule;
  first: number;
  second: number;
}

/** A conflict that no choice made: the rules that cannot hold together. */
export class Contradiction {
  readonly rules: readonly Rule[];

  constructor(rules: readonly Rule[]) {
    this.rules = rules;
  }
}

/**
 * Decides which packages are installed, clause by clause: unit propagation with two watched literals, and a learnt rule from
 * each conflict (Marques-Silva and Sakallah, GRASP). Level 1 has the decisions without a choice; each choice opens a level.
 */
export class Decisions {
  readonly #levels: Int32Array;
  readonly #order: number[] = [];
  readonly #reasons: (Rule | undefined)[] = [];
  readonly #watches = new Map<number, Watched[]>();
  readonly #rules: Rule[] = [];
  #propagated = 0;

  /** Packages have the numbers 1 to `size`. */
  constructor(size: number, rules: readonly Rule[]) {
    this.#levels = new Int32Array(size + 1);
    for (const rule of rules) this.#add(rule);
  }

  /** All rules, the learnt ones last. */
  get rules(): readonly Rule[] {
    return this.#rules;
  }

  /** The packages that are decided on, in the order of the decisions; negative when they are not installed. */
  get order(): readonly number[] {
    return this.#order;
  }

  /** Positive for a package that is installed, negative for one that is not, 0 while undecided; the number is the level. */
  level(id: number): number {
    return this.#levels[id] ?? 0;
  }

  /** Decides on all rules of one literal. */
  start(): Contradiction | undefined {
    for (const rule of this.#rules) {
      const [literal] = rule.literals;
      if (rule.literals.length > 1 || literal === undefined) {
        if (literal === undefined) return new Contradiction([rule]);
        continue;
      }
      if (this.#isFalse(literal)) return this.#contradiction(rule);
      if (!this.#isTrue(literal)) this.#decide(literal, 1, rule);
    }
    const conflict = this.#propagate(1);
    return conflict === undefined ? undefined : this.#contradiction(conflict);
  }

  /** Chooses a literal, from which the next level begins. Returns the level that is reached, lower than before after a conflict. */
  choose(level: number, literal: number): number | Contradiction {
    let current = level + 1;
    this.#decide(literal, current, undefined);
    for (;;) {
      const conflict = this.#propagate(current);
      if (conflict === undefined) return current;
      if (current === 1) return this.#contradiction(conflict);
      const learnt = this.#analyze(conflict, current);
      current = learnt.level;
      this.revert(current);
      const watched = this.#add(learnt.rule);
      const [asserted = 0] = learnt.rule.literals;
      if (watched !== undefined) this.#watchHighest(watched);
      this.#decide(asserted, current, learnt.rule);
    }
  }

  /** Takes back every decision above a level. */
  revert(level: number): void {
    for (let last = this.#order.at(-1); last !== undefined; last = this.#order.at(-1)) {
      const id = Math.abs(last);
      if (Math.abs(this.level(id)) <= level) break;
      this.#levels[id] = 0;
      this.#order.pop();
      this.#reasons.pop();
    }
    this.#propagated = Math.min(this.#propagated, this.#order.length);
  }

  #decide(literal: number, level: number, reason: Rule | undefined): void {
    this.#levels[Math.abs(literal)] = literal > 0 ? level : -level;
    this.#order.push(literal);
    this.#reasons.push(reason);
  }

  #isTrue(literal: number): boolean {
    return literal > 0 ? this.level(literal) > 0 : this.level(-literal) < 0;
  }

  #isFalse(literal: number): boolean {
    return literal > 0 ? this.level(literal) < 0 : this.level(-literal) > 0;
  }

  #add(rule: Rule): Watched | undefined {
    this.#rules.push(rule);
    const [first, second] = rule.literals;
    if (first === undefined || second === undefined) return undefined;
    const watched = { rule, first, second };
    this.#watch(first, watched);
    this.#watch(second, watched);
    return watched;
  }

  #watch(literal: number, watched: Watched): void {
    const list = this.#watches.get(literal);
    if (list === undefined) this.#watches.set(literal, [watched]);
    else list.push(watched);
  }

  /** The second literal of a learnt rule that is watched is the one that was decided on last. */
  #watchHighest(watched: Watched): void {
    let best = watched.second;
    for (const literal of watched.rule.literals.slice(1)) {
      if (Math.abs(this.level(Math.abs(literal))) > Math.abs(this.level(Math.abs(best)))) best = literal;
    }
    if (best === watched.second) return;
    const list = this.#watches.get(watched.second) ?? [];
    list.splice(list.indexOf(watched), 1);
    watched.second = best;
    this.#watch(best, watched);
  }

  /** Follows every decision to the rules that leave one literal. Returns a rule of which none is left. */
  #propagate(level: number): Rule | undefined {
    while (this.#propagated < this.#order.length) {
      const failed = -(this.#order[this.#propagated++] ?? 0);
      const list = this.#watches.get(failed);
      if (list === undefined) continue;
      let kept = 0;
      for (let index = 0; index < list.length; index += 1) {
        const watched = list[index];
        if (watched === undefined) continue;
        const other = watched.first === failed ? watched.second : watched.first;
        if (!this.#isTrue(other)) {
          const next = watched.rule.literals.find((literal) => literal !== other && literal !== failed && !this.#isFalse(literal));
          if (next !== undefined) {
            if (watched.first === failed) watched.first = next;
            else watched.second = next;
            this.#watch(next, watched);
            continue;
          }
          if (this.#isFalse(other)) {
            list.splice(kept, index - kept);
            return watched.rule;
          }
          this.#decide(other, level, watched.rule);
        }
        list[kept++] = watched;
      }
      list.length = kept;
    }
    return undefined;
  }

  /** The rule that a conflict teaches: the first decision of the level that all of the conflict depends on was wrong. */
  #analyze(conflict: Rule, level: number): { readonly rule: Rule; readonly level: number } {
    const seen = new Set<number>();
    const others: number[] = [];
    const from: Rule[] = [conflict];
    let open = 0;
    let back = 1;
    const look = (rule: Rule): void => {
      for (const literal of rule.literals) {
        if (this.#isTrue(literal)) continue;
        const id = Math.abs(literal);
        if (seen.has(id)) continue;
        const at = Math.abs(this.level(id));
        seen.add(id);
        if (at === level) open += 1;
        else if (at > 1) {
          others.push(literal);
          back = Math.max(back, at);
        } else from.push(...this.#baseOf(id));
      }
    };
    look(conflict);
    for (let index = this.#order.length - 1; ; index -= 1) {
      const decided = this.#order[index] ?? 0;
      if (!seen.has(Math.abs(decided)) || Math.abs(this.level(Math.abs(decided))) !== level) continue;
      open -= 1;
      if (open === 0)
        return { rule: { literals: [-decided, ...others.sort((a, b) => a - b)], cause: { kind: 'learnt', from } }, level: back };
      const reason = this.#reasons[index];
      if (reason === undefined) throw new Error('a choice of the level comes before all that it led to');
      from.push(reason);
      look(reason);
    }
  }

  /** The rules behind a decision of level 1. */
  #baseOf(id: number): readonly Rule[] {
    const reason = this.#reasons[this.#order.findIndex((literal) => Math.abs(literal) === id)];
    return reason === undefined
      ? []
      : [{ literals: reason.literals, cause: { kind: 'learnt', from: [reason, ...this.#reasonsOf(reason)] } }];
  }

  #reasonsOf(rule: Rule): readonly Rule[] {
    const found = new Set<Rule>();
    const wanted = new Set(rule.literals.map((literal) => Math.abs(literal)));
    for (let index = this.#order.length - 1; index >= 0; index -= 1) {
      const id = Math.abs(this.#order[index] ?? 0);
      const reason = this.#reasons[index];
      if (!wanted.has(id) || reason === undefined || Math.abs(this.level(id)) !== 1) continue;
      found.add(reason);
      for (const literal of reason.literals) wanted.add(Math.abs(literal));
    }
    return [...found];
  }

  /** Every rule that a conflict without a choice goes back to, once, without the learnt ones. */
  #contradiction(conflict: Rule): Contradiction {
    const rules = new Set<Rule>();
    const waiting = [conflict, ...this.#reasonsOf(conflict)];
    const seen = new Set<Rule>();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      if (next.cause.kind === 'learnt') waiting.push(...next.cause.from);
      else rules.add(next);
    }
    return new Contradiction([...rules]);
  }
}
