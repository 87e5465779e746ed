import type { AptPackage } from './apt-package.ts';
import { compareDebVersions, satisfiesVersion } from './deb-version.ts';
import type { PackageTable } from './package-table.ts';
import type { Requirement } from './requirement.ts';

/** The packages that apt could install: of each package the one version that apt would take. */
export class Universe {
  readonly architecture: string;
  readonly #table: PackageTable;
  readonly #candidates = new Map<string, AptPackage | undefined>();
  readonly #providers = new Map<string, readonly AptPackage[]>();

  constructor(table: PackageTable, architecture: string) {
    this.#table = table;
    this.architecture = architecture;
  }

  /**
   * The candidate of a name is its highest version over all suites (apt_preferences(5)); suites marked NotAutomatic count only
   * where no other has the package. Of equal versions the first is taken.
   */
  candidate(name: string): AptPackage | undefined {
    if (!this.#candidates.has(name)) {
      this.#candidates.set(
        name,
        this.#table
          .named(name)
          .reduce<AptPackage | undefined>((best, found) => (best === undefined || isBetter(found, best) ? found : best), undefined),
      );
    }
    return this.#candidates.get(name);
  }

  /** Candidates that provide a name, in the order in which apt tries them. */
  providers(name: string): readonly AptPackage[] {
    let found = this.#providers.get(name);
    if (found === undefined) {
      found = this.#table
        .providing(name)
        .filter((offer) => this.#isCandidate(offer))
        .sort(compareProviders(this.architecture));
      this.#providers.set(name, found);
    }
    return found;
  }

  /** Candidates that are essential or of another priority than optional. */
  common(): readonly AptPackage[] {
    return this.#table.common().filter((found) => this.#isCandidate(found));
  }

  #isCandidate(found: AptPackage): boolean {
    return this.candidate(found.name) === found;
  }
}

/** Candidates that satisfy a requirement, in the order in which apt tries them: the package of that name, then providers. */
export function offersOf(universe: Universe, requirement: Requirement): AptPackage[] {
  const real = universe.candidate(requirement.name);
  const providers = universe.providers(requirement.name);
  return [...(real === undefined ? [] : [real]), ...providers.filter((provider) => provider !== real)].filter((offer) =>
    satisfies(offer, requirement, universe.architecture),
  );
}

/**
 * True when the package satisfies the requirement, by its name or by one of its provides. A versioned requirement needs a
 * versioned provide (policy 7.5). `:any` needs Multi-Arch: allowed; packages for all architectures count as native.
 */
export function satisfies(offer: AptPackage, requirement: Requirement, architecture: string): boolean {
  const { name, qualifier } = requirement;
  if (qualifier === 'any' && offer.multiArch !== 'allowed') return false;
  const isForeign = qualifier !== undefined && qualifier !== 'any' && qualifier !== 'native' && qualifier !== architecture;
  if (isForeign) return false;
  if (offer.name === name && isVersionFit(offer.version, requirement)) return true;
  return offer.provides.some((provide) => provide.name === name && isVersionFit(provide.constraint?.version, requirement));
}

/** True when a Conflicts or Breaks means the package. Architecture qualifiers do not protect it. */
export function isConflicting(offer: AptPackage, conflict: Requirement): boolean {
  if (offer.name === conflict.name && isVersionFit(offer.version, conflict)) return true;
  return offer.provides.some((provide) => provide.name === conflict.name && isVersionFit(provide.constraint?.version, conflict));
}

function isVersionFit(version: string | undefined, { constraint }: Requirement): boolean {
  return constraint === undefined || (version !== undefined && satisfiesVersion(version, constraint));
}

function isBetter(record: AptPackage, best: AptPackage): boolean {
  if (record.automatic !== best.automatic) return record.automatic;
  return compareDebVersions(record.version, best.version) > 0;
}

const PRIORITIES: readonly string[] = ['required', 'important', 'standard', 'optional', 'extra'];

/** apt's order (depcache.cc, CompareProviders); where apt leaves it to chance, by name. */
function compareProviders(architecture: string): (a: AptPackage, b: AptPackage) => number {
  const rank = (candidate: AptPackage): readonly number[] => [
    candidate.essential ? 0 : 1,
    candidate.important ? 0 : 1,
    candidate.architecture === architecture || candidate.architecture === 'all' ? 0 : 1,
    PRIORITIES.includes(candidate.priority) ? PRIORITIES.indexOf(candidate.priority) : PRIORITIES.length,
  ];
  return (a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const difference = left.map((value, index) => value - (right[index] ?? 0)).find((value) => value !== 0);
    return difference ?? (a.name < b.name ? -1 : 1);
  };
}
