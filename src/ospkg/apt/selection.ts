import type { AptPackage } from './apt-package.ts';
import type { Requirement, RequirementGroup } from './requirement.ts';
import { isConflicting, satisfies } from './universe.ts';

/** Packages chosen so far, indexed by name, provide and conflict, so that look-ups and removals are fast. */
export class Selection {
  readonly #architecture: string;
  readonly #order: AptPackage[] = [];
  readonly #byName = new Map<string, AptPackage[]>();
  readonly #conflicts = new Map<string, { readonly owner: AptPackage; readonly conflict: Requirement }[]>();

  constructor(architecture: string) {
    this.#architecture = architecture;
  }

  get size(): number {
    return this.#order.length;
  }

  get packages(): readonly AptPackage[] {
    return [...this.#order];
  }

  has(candidate: AptPackage): boolean {
    return this.#byName.get(candidate.name)?.includes(candidate) ?? false;
  }

  isSatisfied(group: RequirementGroup): boolean {
    return group.some((requirement) =>
      this.#byName.get(requirement.name)?.some((offer) => satisfies(offer, requirement, this.#architecture)),
    );
  }

  /** The chosen packages that satisfy a group. */
  satisfying(group: RequirementGroup): readonly AptPackage[] {
    return group.flatMap((requirement) =>
      (this.#byName.get(requirement.name) ?? []).filter((offer) => satisfies(offer, requirement, this.#architecture)),
    );
  }

  /** A chosen package that cannot be installed beside this one. A package does not conflict with itself (policy 7.6.2). */
  conflictOf(
    candidate: AptPackage,
  ): { readonly other: AptPackage; readonly conflict: Requirement; readonly owner: AptPackage } | undefined {
    for (const conflict of candidate.conflicts) {
      const other = this.#byName.get(conflict.name)?.find((chosen) => chosen !== candidate && isConflicting(chosen, conflict));
      if (other !== undefined) return { other, conflict, owner: candidate };
    }
    for (const name of namesOf(candidate)) {
      const found = this.#conflicts.get(name)?.find(({ owner, conflict }) => owner !== candidate && isConflicting(candidate, conflict));
      if (found !== undefined) return { other: found.owner, conflict: found.conflict, owner: found.owner };
    }
    return undefined;
  }

  add(candidate: AptPackage): void {
    this.#order.push(candidate);
    for (const name of namesOf(candidate)) push(this.#byName, name, candidate);
    for (const conflict of candidate.conflicts) push(this.#conflicts, conflict.name, { owner: candidate, conflict });
  }

  /** Removes the packages that were added last, until `size` packages are left. */
  shrinkTo(size: number): void {
    for (const candidate of this.#order.splice(size).reverse()) {
      for (const name of namesOf(candidate)) this.#byName.get(name)?.pop();
      for (const conflict of candidate.conflicts) this.#conflicts.get(conflict.name)?.pop();
    }
  }
}

/** The names a package answers to, each once. */
function namesOf(candidate: AptPackage): ReadonlySet<string> {
  return new Set([candidate.name, ...candidate.provides.map((provide) => provide.name)]);
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
