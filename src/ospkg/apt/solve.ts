import { hasCode, messageOf } from '../../core/index.ts';
import { type Reason, reason } from '../explain.ts';
import type { PackageTie } from '../package.ts';
import type { AptPackage } from './apt-package.ts';
import { formatGroup, formatRequirement, type RequirementGroup } from './requirement.ts';
import { Selection } from './selection.ts';
import { compareRanks, offersOf, type Universe } from './universe.ts';
import { whyNoOffer } from './why-no-offer.ts';

/** The packages that installing a set on an empty system takes, or the reasons why packages of it cannot be installed. */
export type Resolution =
  | { readonly ok: true; readonly packages: readonly AptPackage[]; readonly ties: readonly PackageTie[] }
  | { readonly ok: false; readonly failures: readonly { readonly package: string; readonly reasons: readonly Reason[] }[] };

export interface SolveOptions {
  /** Named packages whose recommended ones come along, and those of all that they bring. */
  readonly recommends?: ReadonlySet<string>;
  /** True for a package that hosts have already, so that what it recommends is theirs to decide. */
  readonly isBare?: (found: AptPackage) => boolean;
}

/** Most attempts at a set, each after a choice conflicted with a later one. */
const RETRY_LIMIT = 32;

/** Packages that are named between a chosen package and the one that a set names. */
const PATH_LIMIT = 6;

/** Most packages visited in one attempt. Debian's largest desktops take some thousands. */
const EFFORT_LIMIT = 500_000;

/**
 * Solves a set as `apt-get install --no-install-recommends` does on a system without any package (apt's depcache.cc,
 * MarkInstall): the named packages first, then depth-first through Pre-Depends and Depends in the order of the fields; a
 * group that something chosen satisfies is skipped, else its alternatives are tried from left to right, and alternatives
 * that conflict with a chosen package are skipped. When an earlier choice among alternatives conflicts, the set is tried
 * again with that choice put last. Where recommended packages are wanted, those that cannot be installed are left out, as
 * apt leaves them. Every package that cannot be installed is reported.
 */
export function solveSet(universe: Universe, names: readonly string[], options: SolveOptions = {}): Resolution {
  const seeds = [...new Set(names)].map((name) => ({ name, ...seedOf(universe, name) }));
  const known = seeds.flatMap(({ name, found }) => (found === undefined ? [] : [{ name, found }]));
  const absent = seeds.flatMap(({ name, missing }) => (missing === undefined ? [] : [{ package: name, reasons: [missing] }]));
  const together = trySeeds(universe, known, options);
  if (together.ok) return absent.length === 0 ? together : { ok: false, failures: absent };
  const alone = known.map((seed) => trySeeds(universe, [seed], options)).flatMap((outcome) => (outcome.ok ? [] : outcome.failures));
  return { ok: false, failures: [...absent, ...(alone.length > 0 ? alone : together.failures)] };
}

interface Seed {
  readonly name: string;
  readonly found: AptPackage;
}

/** A name that no package has stands for its provider, when there is only one. */
export function seedOf(universe: Universe, name: string): { readonly found?: AptPackage; readonly missing?: Reason } {
  const [first, ...others] = offersOf(universe, { name });
  if (first === undefined) return { missing: whyNoOffer(universe, { name }) };
  if (first.name === name || others.length === 0) return { found: first };
  const providers = [first, ...others].map((provider) => `"${provider.name}"`).join(', ');
  return {
    missing: reason(`"${name}" is only a name that several packages provide: write which of ${providers}`, [], `Write "${first.name}"`),
  };
}

function trySeeds(universe: Universe, seeds: readonly Seed[], options: SolveOptions): Resolution {
  const avoided = new Set<AptPackage>();
  for (let attempt = 0; ; attempt++) {
    const search = new Search(universe, avoided, options);
    const failure = search.install(seeds);
    if (failure === undefined) return { ok: true, packages: search.packages, ties: search.ties() };
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
  readonly #options: SolveOptions;
  readonly #tied: { readonly name: string; readonly taken: AptPackage; readonly others: readonly AptPackage[] }[] = [];
  #effort = 0;

  constructor(universe: Universe, avoided: ReadonlySet<AptPackage>, options: SolveOptions) {
    this.#options = options;
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
    const { recommends = new Set<string>() } = this.#options;
    // First those with recommended packages: what an earlier one brought is not looked at again.
    for (const { name, found } of [...seeds].sort((a, b) => Number(recommends.has(b.name)) - Number(recommends.has(a.name)))) {
      const failure = this.#installNeeds(found, recommends.has(name));
      if (failure !== undefined) return { package: name, reasons: [failure] };
    }
    return undefined;
  }

  /** Names that stood for several packages of the same rank, none of the others of which was chosen otherwise. */
  ties(): readonly PackageTie[] {
    const real = this.#tied.filter(
      ({ taken, others }) => this.#selection.has(taken) && !others.some((other) => this.#selection.has(other)),
    );
    const byName = new Map(
      real.map(({ name, taken, others }) => [name, { name, taken: taken.name, others: others.map((other) => other.name) }]),
    );
    return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
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

  #installNeeds(owner: AptPackage, isRecommending: boolean): Reason | undefined {
    for (const group of owner.requires) {
      if (this.#selection.isSatisfied(group)) continue;
      const reasons = this.#installOneOf(group, owner, isRecommending);
      if (reasons !== undefined) return reason(`"${owner.name}" needs "${formatGroup(group)}"`, reasons);
    }
    if (isRecommending && this.#options.isBare?.(owner) !== true) this.#installRecommended(owner);
    return undefined;
  }

  /** A recommended package that conflicts is left out, and so is one that a conflict showed to be in the way. */
  #installRecommended(owner: AptPackage): void {
    for (const group of owner.recommends) {
      if (this.#selection.isSatisfied(group)) continue;
      const offers = [...new Set(group.flatMap((requirement) => offersOf(this.#universe, requirement)))];
      offers.find((offer) => !this.#avoided.has(offer) && this.#installOne(offer, { by: owner, hadChoice: true }, true) === undefined);
    }
  }

  #installOneOf(group: RequirementGroup, owner: AptPackage, isRecommending: boolean): readonly Reason[] | undefined {
    const offers = [...new Set(group.flatMap((requirement) => offersOf(this.#universe, requirement)))];
    const preferred = offers.filter((offer) => !this.#avoided.has(offer));
    const reasons: Reason[] = [];
    for (const offer of [...preferred, ...offers.filter((other) => this.#avoided.has(other))]) {
      const failure = this.#installOne(offer, { by: owner, hadChoice: offers.length > 1 }, isRecommending);
      if (failure === undefined) {
        this.#noteTie(group, offer, offers);
        return undefined;
      }
      reasons.push(failure);
    }
    const empty = group.filter((requirement) => offersOf(this.#universe, requirement).length === 0);
    return [...reasons, ...empty.map((requirement) => whyNoOffer(this.#universe, requirement))];
  }

  #noteTie(group: RequirementGroup, taken: AptPackage, offers: readonly AptPackage[]): void {
    const first = group.find((requirement) => offersOf(this.#universe, requirement).includes(taken));
    if (first === undefined || first.name === taken.name) return;
    const alike = offersOf(this.#universe, first).filter((offer) => offer !== taken && offer.name !== first.name && offers.includes(offer));
    const others = alike.filter((offer) => compareRanks(this.#universe.architecture, taken, offer) === 0);
    if (others.length > 0) this.#tied.push({ name: first.name, taken, others });
  }

  #installOne(
    offer: AptPackage,
    asked: { readonly by: AptPackage; readonly hadChoice: boolean },
    isRecommending: boolean,
  ): Reason | undefined {
    const known = this.#hopeless.get(offer);
    if (known !== undefined) return known;
    if (++this.#effort > EFFORT_LIMIT) return reason(`gave up after looking at ${EFFORT_LIMIT} packages`);
    const conflict = this.#conflictReason(offer);
    if (conflict !== undefined) return conflict;

    const size = this.#selection.size;
    const conflictsBefore = this.#blockers.length;
    this.#selection.add(offer);
    this.#asked.set(offer, asked);
    const failure = this.#installNeeds(offer, isRecommending);
    if (failure === undefined) return undefined;
    this.#selection.shrinkTo(size);
    if (this.#blockers.length === conflictsBefore && this.#effort <= EFFORT_LIMIT) this.#hopeless.set(offer, failure);
    return failure;
  }

  #conflictReason(offer: AptPackage): Reason | undefined {
    const fault = relationFault(offer);
    if (fault !== undefined) return reason(fault, [], `Ask who runs ${offer.place.origin.repository} to mend it, or exclude this version`);
    const found = this.#selection.conflictOf(offer);
    if (found === undefined) return undefined;
    this.#blockers.push(found.other);
    const told = `"${found.owner.name}" cannot be installed beside "${formatRequirement(found.conflict)}"`;
    return reason(`"${offer.name}" conflicts with "${found.other.name}", which is already chosen${this.#pathTo(found.other)}: ${told}`);
  }

  /** Who needs a chosen package, up to a package that was named. */
  #pathTo(chosen: AptPackage): string {
    const path: string[] = [];
    for (let at = this.#asked.get(chosen)?.by; at !== undefined && path.length < PATH_LIMIT; at = this.#asked.get(at)?.by)
      path.push(`"${at.name}"`);
    return path.length === 0 ? '' : ` for ${path.join(', which is for ')}`;
  }
}

/** Relations are read when they are first needed; one that cannot be read rules its package out, and no other. */
function relationFault(offer: AptPackage): string | undefined {
  try {
    void [offer.requires, offer.conflicts];
    return undefined;
  } catch (error) {
    if (hasCode(error, 'REPOSITORY_INVALID')) return messageOf(error);
    throw error;
  }
}
