import { compareText } from '../../core/index.ts';
import type { RpmPackage } from './rpm-package.ts';
import { comparePartialVersions, compareRpmVersions, type RpmVersion } from './rpm-version.ts';
import type { Decisions } from './sat.ts';
import type { RpmUniverse } from './universe.ts';
import { recommendation, suggestion } from './weak.ts';

/**
 * Which of several candidates is taken: dnf's choice is that of its solver, libsolv (policy.c), whose steps these are. First
 * what counts as worse is left out: other architectures, older versions, packages that another candidate obsoletes, and those
 * that nothing recommends when something recommends others. What is left is put in order.
 */
export class Policy {
  readonly #universe: RpmUniverse;
  /** Architectures of a host, best first. */
  readonly #architectures: readonly string[];

  constructor(universe: RpmUniverse, architectures: readonly string[]) {
    this.#universe = universe;
    this.#architectures = architectures;
  }

  /** The candidates worth a choice, best version of each name, by name. */
  best(candidates: readonly number[]): readonly number[] {
    if (candidates.length < 2) return candidates;
    const right = this.#bestArchitecture(candidates);
    return right.length < 2 ? right : this.#withoutObsoleted(this.#bestVersions(right));
  }

  /** As `best`, without those that nothing recommends when something recommends others. */
  choose(candidates: readonly number[], decisions: Decisions): readonly number[] {
    const best = this.best(candidates);
    if (best.length < 2) return best;
    const recommended = best.filter(recommendation(this.#universe, decisions));
    return recommended.length === 0 ? best : recommended;
  }

  /** As `choose`, the best one first. */
  rank(candidates: readonly number[], decisions: Decisions): readonly number[] {
    const chosen = this.choose(candidates, decisions);
    return chosen.length < 2 ? chosen : this.order(chosen, decisions);
  }

  /** Puts candidates in order, the best one first. */
  order(candidates: readonly number[], decisions: Decisions): readonly number[] {
    const current = lastWhere(candidates, (id) => this.#hasNewer(id));
    const suggested = suggestion(this.#universe, decisions);
    return lastWhere(this.#byCommonProvides(current), (id) => !suggested(id));
  }

  #bestArchitecture(candidates: readonly number[]): readonly number[] {
    const ranks = candidates.map((id) => this.#architectures.indexOf(this.#universe.at(id).architecture));
    const best = Math.min(...ranks.filter((rank) => rank >= 0));
    return candidates.filter((_, index) => ranks[index] === best || ranks[index] === -1);
  }

  #bestVersions(candidates: readonly number[]): readonly number[] {
    const names = new Map<string, number>();
    for (const id of this.#byName(candidates)) {
      const { name, version } = this.#universe.at(id);
      const known = names.get(name);
      if (known === undefined || compareRpmVersions(this.#universe.at(known).version, version) < 0) names.set(name, id);
    }
    return [...names.values()];
  }

  #byName(candidates: readonly number[]): readonly number[] {
    const rank = ({ architecture }: RpmPackage): number => this.#architectures.indexOf(architecture);
    return candidates.toSorted((a, b) => {
      const [left, right] = [this.#universe.at(a), this.#universe.at(b)];
      const [first, second] = [rank(left), rank(right)];
      return compareText(left.name, right.name) || (first >= 0 && second >= 0 ? first - second : 0) || a - b;
    });
  }

  /** A candidate that another one obsoletes, without being obsoleted by it in turn, is left out. */
  #withoutObsoleted(candidates: readonly number[]): readonly number[] {
    const list = new Set(candidates);
    const obsoleted = new Map<number, Set<number>>();
    for (const id of candidates) {
      const { name, obsoletes } = this.#universe.at(id);
      const others = obsoletes.flatMap((item) => this.#universe.namedIn(item));
      obsoleted.set(id, new Set(others.filter((other) => other !== id && list.has(other) && this.#universe.at(other).name !== name)));
    }
    const reaches = (from: number, to: number): boolean => {
      const seen = new Set<number>();
      const waiting = [from];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        for (const other of obsoleted.get(next) ?? []) {
          if (other === to) return true;
          if (!seen.has(other)) waiting.push(other);
          seen.add(other);
        }
      }
      return false;
    };
    return candidates.filter((id) => !candidates.some((other) => other !== id && reaches(other, id) && !reaches(id, other)));
  }

  #hasNewer(id: number): boolean {
    const { name, architecture, version } = this.#universe.at(id);
    return this.#universe.named(name).some((other) => {
      const found = this.#universe.at(other);
      return other !== id && found.architecture === architecture && compareRpmVersions(found.version, version) > 0;
    });
  }

  /** Candidates that provide the same name are in order of the version in which they provide it, newest first. */
  #byCommonProvides(candidates: readonly number[]): readonly number[] {
    const badness = new Map(candidates.map((id) => [id, 0]));
    const entries = candidates.flatMap((id, index) =>
      this.#universe.at(id).provides.flatMap(({ name, range }) => {
        if (range === undefined || range.operator === 'GT' || range.operator === 'GE') return [];
        if (range.operator === 'EQ' && isHash(range.version)) return [];
        return [{ id, index, name, version: range.version, isBelow: range.operator === 'LT' }];
      }),
    );
    const byName = new Map<string, (typeof entries)[number][]>();
    for (const entry of entries) byName.set(entry.name, [...(byName.get(entry.name) ?? []), entry]);
    for (const group of byName.values()) {
      const sorted = group.toSorted((a, b) => compareEntries(a, b) || a.index - b.index);
      let bad = 0;
      for (const [index, entry] of sorted.entries()) {
        const before = sorted[index - 1];
        if (before !== undefined && before.id !== entry.id && compareEntries(before, entry) === -1) bad += 1;
        badness.set(entry.id, (badness.get(entry.id) ?? 0) + bad);
      }
    }
    return candidates.toSorted((a, b) => (badness.get(a) ?? 0) - (badness.get(b) ?? 0));
  }
}

interface ProvidedVersion {
  readonly version: RpmVersion;
  readonly isBelow: boolean;
}

/** Negative for the newer one, to come first; beyond 1 where only a missing release tells them apart, which is no difference of age. */
function compareEntries(a: ProvidedVersion, b: ProvidedVersion): number {
  const order = Math.sign(comparePartialVersions(b.version, a.version));
  if (order !== 0) return order;
  const released = Number(b.version.release !== undefined) - Number(a.version.release !== undefined);
  return released === 0 ? Number(a.isBelow) - Number(b.isBelow) : 2 * released;
}

/** A version that is the digest of something says nothing about age. */
function isHash({ epoch, version, release }: RpmVersion): boolean {
  return epoch === '0' && release === undefined && /^[0-9a-f]{4,}$/.test(version);
}

/** The same list with some of it at the end. */
function lastWhere(list: readonly number[], isLast: (id: number) => boolean): readonly number[] {
  const last = new Set(list.filter(isLast));
  return [...list.filter((id) => !last.has(id)), ...last];
}
