import { type Reason, reason } from '../explain.ts';
import type { AptPackage } from './apt-package.ts';
import { formatGroup, formatRequirement, type Requirement, type RequirementGroup } from './requirement.ts';
import { Selection } from './selection.ts';
import { offersOf, type Universe } from './universe.ts';

/** The packages that installing a set on an empty system takes, or the reasons why packages of it cannot be installed. */
export type Resolution =
  | { readonly ok: true; readonly packages: readonly AptPackage[] }
  | { readonly ok: false; readonly failures: readonly { readonly package: string; readonly reasons: readonly Reason[] }[] };

/** Most attempts at a set, each after a choice conflicted with a later one. */
const RETRY_LIMIT = 32;

/** Most packages visited in one attempt. Debian's largest desktops take some thousands. */
const EFFORT_LIMIT = 500_000;

/**
 * Solves a set as `apt-get install --no-install-recommends` does on a system without any package (apt's depcache.cc,
 * MarkInstall): the named packages first, then depth-first through Pre-Depends and Depends in the order of the fields; a
 * group that something chosen satisfies is skipped, else its alternatives are tried from left to right, and alternatives
 * that conflict with a chosen package are skipped. When an earlier choice among alternatives conflicts, the set is tried
 * again with that choice put last. Every package that cannot be installed is reported.
 */
export function solveSet(universe: Universe, names: readonly string[]): Resolution {
  const seeds = [...new Set(names)].map((name) => ({ name, ...seedOf(universe, name) }));
  const known = seeds.flatMap(({ name, found }) => (found === undefined ? [] : [{ name, found }]));
  const absent = seeds.flatMap(({ name, missing }) => (missing === undefined ? [] : [{ package: name, reasons: [missing] }]));
  const together = trySeeds(universe, known);
  if (together.ok) return absent.length === 0 ? together : { ok: false, failures: absent };
  const alone = known.map((seed) => trySeeds(universe, [seed])).flatMap((outcome) => (outcome.ok ? [] : outcome.failures));
  return { ok: false, failures: [...absent, ...(alone.length > 0 ? alone : together.failures)] };
}

interface Seed {
  readonly name: string;
  readonly found: AptPackage;
}

/** A name that no package has stands for its provider, when there is only one. */
function seedOf(universe: Universe, name: string): { readonly found?: AptPackage; readonly missing?: Reason } {
  const [first, ...others] = offersOf(universe, { name });
  if (first === undefined) return { missing: reason(`no repository offers "${name}"`) };
  if (first.name === name || others.length === 0) return { found: first };
  const providers = [first, ...others].map((provider) => `"${provider.name}"`).join(', ');
  return { missing: reason(`"${name}" is only a name that several packages provide: write which of ${providers}`) };
}

function trySeeds(universe: Universe, seeds: readonly Seed[]): Resolution {
  const avoided = new Set<AptPackage>();
  for (let attempt = 0; ; attempt++) {
    const search = new Search(universe, avoided);
    const failure = search.install(seeds);
    if (failure === undefined) return { ok: true, packages: search.packages };
    const culprit = search.culprit();
    if (culprit === undefined || attempt === RETRY_LIMIT) return { ok: false, failures: [failure] };
    avoided.add(culprit);
  }
}

/** One try. Choices that `avoided` names are put last among the alternatives of their group. */
class Search {
  readonly #universe: Universe;
  readonly #avoided: ReadonlySet<AptPackage>;
  readonly #selection: Selection;
  /** Packages that cannot be installed with any selection. */
  readonly #hopeless = new Map<AptPackage, Reason>();
  /** The package that required each package, and whether its group had alternatives. */
  readonly #asked = new Map<AptPackage, { readonly by: AptPackage; readonly hadChoice: boolean }>();
  readonly #blockers: AptPackage[] = [];
  #effort = 0;

  constructor(universe: Universe, avoided: ReadonlySet<AptPackage>) {
    this.#universe = universe;
    this.#avoided = avoided;
    this.#selection = new Selection(universe.architecture);
  }

  get packages(): readonly AptPackage[] {
    return this.#selection.packages;
  }

  install(seeds: readonly Seed[]): { readonly package: string; readonly reasons: readonly Reason[] } | undefined {
    for (const { name, found } of seeds) {
      const conflict = this.#conflictReason(found);
      if (conflict !== undefined) return { package: name, reasons: [conflict] };
      if (!this.#selection.has(found)) this.#selection.add(found);
    }
    for (const { name, found } of seeds) {
      const failure = this.#installNeeds(found);
      if (failure !== undefined) return { package: name, reasons: [failure] };
    }
    return undefined;
  }

  /** The latest choice that was in the way of something and is not avoided yet. */
  culprit(): AptPackage | undefined {
    for (const blocker of this.#blockers.toReversed()) {
      for (let at: AptPackage | undefined = blocker; at !== undefined; at = this.#asked.get(at)?.by) {
        if (this.#asked.get(at)?.hadChoice === true && !this.#avoided.has(at)) return at;
      }
    }
    return undefined;
  }

  #installNeeds(owner: AptPackage): Reason | undefined {
    for (const group of owner.requires) {
      if (this.#selection.isSatisfied(group)) continue;
      const reasons = this.#installOneOf(group, owner);
      if (reasons !== undefined) return reason(`"${owner.name}" needs "${formatGroup(group)}"`, reasons);
    }
    return undefined;
  }

  #installOneOf(group: RequirementGroup, owner: AptPackage): readonly Reason[] | undefined {
    const offers = [...new Set(group.flatMap((requirement) => offersOf(this.#universe, requirement)))];
    const preferred = offers.filter((offer) => !this.#avoided.has(offer));
    const reasons: Reason[] = [];
    for (const offer of [...preferred, ...offers.filter((other) => this.#avoided.has(other))]) {
      const failure = this.#installOne(offer, { by: owner, hadChoice: offers.length > 1 });
      if (failure === undefined) return undefined;
      reasons.push(failure);
    }
    const empty = group.filter((requirement) => offersOf(this.#universe, requirement).length === 0);
    return [...reasons, ...empty.map((requirement) => whyNoOffer(this.#universe, requirement))];
  }

  #installOne(offer: AptPackage, asked: { readonly by: AptPackage; readonly hadChoice: boolean }): Reason | undefined {
    const known = this.#hopeless.get(offer);
    if (known !== undefined) return known;
    if (++this.#effort > EFFORT_LIMIT) return reason(`gave up after looking at ${EFFORT_LIMIT} packages`);
    const conflict = this.#conflictReason(offer);
    if (conflict !== undefined) return conflict;

    const size = this.#selection.size;
    const conflictsBefore = this.#blockers.length;
    this.#selection.add(offer);
    this.#asked.set(offer, asked);
    const failure = this.#installNeeds(offer);
    if (failure === undefined) return undefined;
    this.#selection.shrinkTo(size);
    if (this.#blockers.length === conflictsBefore && this.#effort <= EFFORT_LIMIT) this.#hopeless.set(offer, failure);
    return failure;
  }

  #conflictReason(offer: AptPackage): Reason | undefined {
    const found = this.#selection.conflictOf(offer);
    if (found === undefined) return undefined;
    this.#blockers.push(found.other);
    const told = `"${found.owner.name}" cannot be installed beside "${formatRequirement(found.conflict)}"`;
    return reason(`"${offer.name}" conflicts with "${found.other.name}", which is already chosen: ${told}`);
  }
}

function whyNoOffer(universe: Universe, requirement: Requirement): Reason {
  const wanted = formatRequirement(requirement);
  const real = universe.candidate(requirement.name);
  if (real !== undefined) return reason(`"${wanted}": the newest on offer is "${real.name}" ${real.version} (${real.architecture})`);
  const providers = universe.providers(requirement.name);
  if (providers.length === 0) return reason(`"${wanted}": no repository offers it`);
  const names = providers.map(({ name, provides }) => {
    const versions = provides.filter((provide) => provide.name === requirement.name).map(formatRequirement);
    return `"${name}" (as ${versions.join(', ')})`;
  });
  return reason(`"${wanted}": offered only by ${names.join(', ')}`);
}
