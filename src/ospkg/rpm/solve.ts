import type { Reason } from '../explain.ts';
import type { PackageTie } from '../package.ts';
import { installableOn } from './architecture.ts';
import { capability, type Capability } from './dependency.ts';
import { describeContradiction, whyNoOffer } from './explain-rules.ts';
import { Policy } from './policy.ts';
import { rulesFor, type Rule } from './rules.ts';
import { Contradiction } from './sat.ts';
import { Search, type Choice } from './search.ts';
import type { RpmUniverse } from './universe.ts';

/** The packages that installing a set on an empty system takes, or the reasons why packages of it cannot be installed. */
export type RpmResolution =
  | { readonly ok: true; readonly packages: readonly number[]; readonly ties: readonly PackageTie[] }
  | { readonly ok: false; readonly failures: readonly { readonly package: string; readonly reasons: readonly Reason[] }[] };

export interface RpmSolveOptions {
  /** rpm's word for the CPU of the hosts. */
  readonly architecture: string;
  /** Named packages whose recommended ones come along, and those of all that they bring. */
  readonly recommends?: ReadonlySet<string>;
}

/**
 * Solves a set as dnf does on a system without any package: the best versions that can be installed together. A name that no
 * package has stands for what provides it. Every package that cannot be installed is reported.
 */
export function solveRpmSet(universe: RpmUniverse, names: readonly string[], options: RpmSolveOptions): RpmResolution {
  const wanted = [...new Set(names)].map((name) => ({ name, candidates: candidatesOf(universe, name) }));
  const known = wanted.filter(({ candidates }) => candidates.length > 0);
  const absent = wanted.filter(({ candidates }) => candidates.length === 0);
  const failures = absent.map(({ name }) => ({ package: name, reasons: [whyNoOffer(universe, capability(name))] }));
  const together = attempt(universe, known, options);
  if (!(together instanceof Contradiction)) {
    if (failures.length > 0) return { ok: false, failures };
    return { ok: true, packages: together.chosen, ties: tiesOf(universe, together) };
  }
  const alone = known.flatMap((item) => {
    const outcome = attempt(universe, [item], options);
    return outcome instanceof Contradiction ? [{ package: item.name, reasons: describeContradiction(universe, outcome) }] : [];
  });
  if (alone.length > 0) return { ok: false, failures: [...failures, ...alone] };
  const [first] = known;
  const beside = { package: first?.name ?? '', reasons: describeContradiction(universe, together) };
  return { ok: false, failures: [...failures, beside] };
}

/** The packages of a name with those that obsolete them; else what provides the name. */
export function candidatesOf(universe: RpmUniverse, name: string): readonly number[] {
  const named = universe.named(name);
  if (named.length === 0) return universe.providers(capability(name));
  return [...new Set([...named, ...universe.obsoleting(named)])].sort((a, b) => a - b);
}

interface Wanted {
  readonly name: string;
  readonly candidates: readonly number[];
}

type Solution = Exclude<ReturnType<Search['run']>, Contradiction>;

function attempt(universe: RpmUniverse, wanted: readonly Wanted[], options: RpmSolveOptions): Solution | Contradiction {
  const { architecture, recommends = new Set<string>() } = options;
  const architectures = installableOn(architecture);
  const isInferior = (id: number): boolean => hasBetterArchitecture(universe, id, architectures);
  const roots = wanted.flatMap(({ candidates }) => candidates);
  const { rules } = rulesFor(universe, roots, { weak: recommends.size > 0, inferior: isInferior });
  const jobs = wanted.map(({ name, candidates }): Rule => ({ literals: candidates, cause: { kind: 'job', name } }));
  const isRecommending = recommends.size === 0 ? undefined : recommending(universe, wanted, recommends);
  return new Search({ universe, policy: new Policy(universe, architectures), rules, jobs, isRecommending }).run();
}

/** Of packages for several architectures of a host only the best is taken. */
function hasBetterArchitecture(universe: RpmUniverse, id: number, architectures: readonly string[]): boolean {
  const { name, architecture } = universe.at(id);
  const rank = architectures.indexOf(architecture);
  return (
    rank > 0 &&
    universe.named(name).some((other) => {
      const better = architectures.indexOf(universe.at(other).architecture);
      return better >= 0 && better < rank;
    })
  );
}

/** The chosen packages that those whose recommended packages are wanted bring along, themselves included. */
function recommending(
  universe: RpmUniverse,
  wanted: readonly Wanted[],
  recommends: ReadonlySet<string>,
): (chosen: readonly number[]) => (id: number) => boolean {
  const isEvery = wanted.every(({ name }) => recommends.has(name));
  if (isEvery) return () => () => true;
  return (chosen) => {
    const installed = new Set(chosen);
    const seeds = wanted.filter(({ name }) => recommends.has(name)).flatMap(({ candidates }) => candidates);
    const reached = reachOf(universe, installed, seeds, { weak: true });
    return (id) => reached.has(id);
  };
}

/** The installed packages that others, the seeds, need, directly or not, themselves included. */
export function reachOf(
  universe: RpmUniverse,
  installed: ReadonlySet<number>,
  seeds: readonly number[],
  { weak }: { readonly weak: boolean },
): ReadonlySet<number> {
  const reached = new Set<number>();
  const waiting = seeds.filter((id) => installed.has(id));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    const { requires, recommends } = universe.at(next);
    for (const dependency of weak ? [...requires, ...recommends] : requires) {
      for (const one of universe.mentioned(dependency)) if (installed.has(one) && !reached.has(one)) waiting.push(one);
    }
  }
  return reached;
}

/** Choices among packages of other names that only the order of the metadata decided. */
function tiesOf(universe: RpmUniverse, { chosen, choices }: Solution): readonly PackageTie[] {
  const installed = new Set(chosen);
  const ties = choices.flatMap(({ taken, others }: Choice) => {
    const names = [...new Set(others.map((id) => universe.at(id).name))].filter((name) => name !== universe.at(taken).name).sort();
    if (names.length === 0 || others.some((id) => installed.has(id))) return [];
    const name = commonName(universe, taken, others);
    return name === undefined ? [] : [{ name, taken: universe.at(taken).name, others: names }];
  });
  return [...new Map(ties.map((tie) => [tie.name, tie])).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The first name that all candidates of a choice provide. */
function commonName(universe: RpmUniverse, taken: number, others: readonly number[]): string | undefined {
  const own: readonly Capability[] = universe.at(taken).provides;
  return own.find((item) => others.every((id) => universe.at(id).provides.some(({ name }) => name === item.name)))?.name;
}
