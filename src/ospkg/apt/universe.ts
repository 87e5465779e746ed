import type { AptPackage } from './apt-package.ts';
import { compareDebVersions, satisfiesVersion } from './deb-version.ts';
import { fitsPattern } from '../name-pattern.ts';
import type { PackageTable } from './package-table.ts';
import type { Requirement } from './requirement.ts';

/** A version of a package that a set asks for. */
export interface VersionWish {
  /** `*` stands for any text. */
  readonly version: string;
  /** The set that asks. */
  readonly set: string;
}

/** The words of a manifest about which packages and versions are taken. */
export interface Policy {
  /** By name of the package; the version must fit every wish. */
  readonly versions?: ReadonlyMap<string, readonly VersionWish[]>;
  /** Patterns of packages that are never taken. */
  readonly exclude?: readonly string[];
  /** Versions by name of the package that are taken as long as they are on offer, whatever is newer. */
  readonly held?: ReadonlyMap<string, string>;
}

/** The packages that apt could install: of each package the one version that apt would take. */
export class Universe {
  readonly architecture: string;
  readonly #table: PackageTable;
  readonly #policy: Policy;
  readonly #candidates = new Map<string, AptPackage | undefined>();
  readonly #providers = new Map<string, readonly AptPackage[]>();

  constructor(table: PackageTable, architecture: string, policy: Policy = {}) {
    this.#table = table;
    this.architecture = architecture;
    this.#policy = policy;
  }

  /**
   * The candidate of a name is its highest version over all suites (apt_preferences(5)); one that is preferred for it counts
   * before all others, and suites marked NotAutomatic count only where no other has the package. Of equal versions the first
   * is taken. Versions that sets ask for and exclusions are kept to.
   */
  candidate(name: string): AptPackage | undefined {
    if (!this.#candidates.has(name)) {
      this.#candidates.set(
        name,
        this.#table
          .named(name)
          .filter((found) => this.refusalOf(found) === undefined)
          .reduce<AptPackage | undefined>((best, found) => (best === undefined || isBetter(found, best) ? found : best), undefined),
      );
    }
    return this.#candidates.get(name);
  }

  /** The version that a package is held at; undefined where it is not held, or where that version is not on offer any more. */
  #heldVersion(name: string): string | undefined {
    const held = this.#policy.held?.get(name);
    return held !== undefined && this.#table.named(name).some(({ version }) => version === held) ? held : undefined;
  }

  /** Why a package is never taken, whatever else is chosen: it is excluded or held, or a set asks for another version of it. */
  refusalOf({ name, version }: AptPackage): string | undefined {
    const excluding = this.#policy.exclude?.find((pattern) => fitsPattern(name, pattern));
    if (excluding !== undefined) return `"exclude" of the manifest leaves out "${excluding}"`;
    const other = this.#policy.versions?.get(name)?.find((wish) => !fitsPattern(version, wish.version));
    if (other !== undefined) return `package set "${other.set}" asks for "${name}=${other.version}"`;
    const held = this.#heldVersion(name);
    return held === undefined || held === version ? undefined : `the lock holds "${name}" at ${held}`;
  }

  /** Every version of a package on offer, candidates or not, the newest first. */
  versionsOf(name: string): readonly AptPackage[] {
    return this.#table.named(name).toSorted((a, b) => compareDebVersions(b.version, a.version));
  }

  /** Why paragraphs of this name cannot be used. */
  unusable(name: string): readonly string[] {
    return this.#table.unusable.filter((paragraph) => paragraph.name === name).map(({ reason }) => reason);
  }

  /** The names of all packages on offer. */
  names(): Iterable<string> {
    return this.#table.names();
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

  /** Candidates of the same source that need a package in exactly its version: where it is upgraded, they must be, too. */
  boundTo({ name, version, source }: AptPackage): readonly AptPackage[] {
    return this.#table
      .holding(`${name} (= ${version})`)
      .filter((found) => found.source.name === source.name && this.#isCandidate(found))
      .filter((found) => exactNeeds(found).some((need) => need.name === name && need.constraint?.version === version));
  }

  #isCandidate(found: AptPackage): boolean {
    return this.candidate(found.name) === found;
  }
}

/** The relations of a package that only one version of one package meets. */
export function exactNeeds({ requires }: AptPackage): readonly Requirement[] {
  return requires.flatMap((group) => (group.length === 1 ? group.filter(({ constraint }) => constraint?.operator === '=') : []));
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
  const difference = standingOf(record) - standingOf(best);
  return difference === 0 ? compareDebVersions(record.version, best.version) > 0 : difference > 0;
}

/** The order of apt's priorities 990, 500, 100 and 1. */
function standingOf({ name, place: { origin } }: AptPackage): number {
  if (origin.prefer.some((pattern) => fitsPattern(name, pattern))) return 3;
  if (origin.automatic) return 2;
  return origin.upgrades ? 1 : 0;
}

const PRIORITIES: readonly string[] = ['required', 'important', 'standard', 'optional', 'extra'];

/** apt's order (depcache.cc, CompareProviders); where apt leaves it to chance, by name. */
function compareProviders(architecture: string): (a: AptPackage, b: AptPackage) => number {
  return (a, b) => compareRanks(architecture, a, b) || (a.name < b.name ? -1 : 1);
}

/** 0 for providers of one name between which apt chooses by chance. */
export function compareRanks(architecture: string, a: AptPackage, b: AptPackage): number {
  const rank = (candidate: AptPackage): readonly number[] => [
    candidate.essential ? 0 : 1,
    candidate.important ? 0 : 1,
    candidate.architecture === architecture || candidate.architecture === 'all' ? 0 : 1,
    PRIORITIES.includes(candidate.priority) ? PRIORITIES.indexOf(candidate.priority) : PRIORITIES.length,
  ];
  const [left, right] = [rank(a), rank(b)];
  return left.map((value, index) => value - (right[index] ?? 0)).find((value) => value !== 0) ?? 0;
}
