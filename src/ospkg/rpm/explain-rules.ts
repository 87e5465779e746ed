import { reason, type Reason } from '../explain.ts';
import { capability, formatDependency, type Capability, type Dependency } from './dependency.ts';
import type { Rule } from './rules.ts';
import type { Contradiction } from './sat.ts';
import type { RpmUniverse } from './universe.ts';

/** Versions of one package that are told. */
const TOLD = 8;

/** Rules of one contradiction that are told. */
const RULES_TOLD = 12;

/** The rules that cannot hold together, in words. */
export function describeContradiction(universe: RpmUniverse, { rules }: Contradiction): readonly Reason[] {
  const told = rules.flatMap((rule) => describeRule(universe, rule));
  const unique = [...new Map(told.map((item) => [item.text, item])).values()];
  if (unique.length === 0) return [reason('gave up: too many choices contradict each other')];
  const left = unique.length - RULES_TOLD;
  return left > 0 ? [...unique.slice(0, RULES_TOLD), reason(`and ${left} more`)] : unique;
}

function describeRule(universe: RpmUniverse, { literals, cause }: Rule): readonly Reason[] {
  const name = (id: number): string => `"${universe.at(id).name}-${universe.at(id).version}.${universe.at(id).architecture}"`;
  const other = (owner: number): string =>
    literals
      .filter((literal) => literal < 0 && literal !== -owner)
      .map((literal) => name(-literal))
      .join(' and ');
  switch (cause.kind) {
    case 'requires': {
      const isOffered = literals.some((literal) => literal > 0);
      const because = isOffered ? [] : missingIn(universe, cause.dependency);
      return [reason(`${name(cause.owner)} needs "${cause.text}"${isOffered ? '' : ', which nothing offers'}`, because)];
    }
    case 'conflicts':
      return [
        reason(`${name(cause.owner)} conflicts with "${cause.text}"${other(cause.owner) === '' ? '' : `, which is ${other(cause.owner)}`}`),
      ];
    case 'obsoletes':
      return [reason(`${name(cause.owner)} replaces "${cause.text}", which is ${other(cause.owner)}`)];
    case 'same-name':
      return [reason(`${name(cause.owner)} cannot be installed beside ${other(cause.owner)}: they are versions of one package`)];
    case 'inferior':
      return [reason(`${name(cause.owner)} is not taken: there is one for a better architecture`)];
    default:
      return [];
  }
}

function missingIn(universe: RpmUniverse, dependency: Dependency): readonly Reason[] {
  if (dependency.kind !== 'capability') return dependency.parts.flatMap((part) => missingIn(universe, part));
  return universe.providers(dependency).length > 0 ? [] : [whyNoOffer(universe, dependency)];
}

/** Why nothing provides a capability: every version that is on offer, and why it is not taken. */
export function whyNoOffer(universe: RpmUniverse, wanted: Capability): Reason {
  const text = formatDependency(wanted);
  const versions = universe.versionsOf(wanted.name);
  const unusable = universe.unusable(wanted.name).map((one) => reason(one));
  if (versions.length > 0) {
    const told = versions.slice(0, TOLD).map((id) => reason(whyNot(universe, id, text)));
    const more = versions.length > TOLD ? [reason(`and ${versions.length - TOLD} older ones`)] : [];
    return reason(`"${text}": no version on offer is one`, [...told, ...more, ...unusable], helpFor(universe, wanted.name, versions));
  }
  const providers = universe.providers(capability(wanted.name));
  if (providers.length > 0) {
    const names = providers.slice(0, TOLD).map((id) => {
      const own = universe.at(id).provides.filter(({ name }) => name === wanted.name);
      return `"${universe.at(id).name}" (as ${own.map(formatDependency).join(', ')})`;
    });
    return reason(`"${text}": offered only by ${names.join(', ')}`);
  }
  if (unusable.length > 0) {
    const help = 'Ask who runs the repository to mend it, or add one that offers it';
    return reason(`"${text}": what the repositories say of it cannot be used`, unusable, help);
  }
  const near = universe.nearest(wanted.name);
  const help = near === undefined ? `Add the repository that offers "${wanted.name}"` : `Write "${near}", if that is meant`;
  return reason(`"${text}": no repository offers it`, [], help);
}

function whyNot(universe: RpmUniverse, id: number, wanted: string): string {
  const { version, architecture, place } = universe.at(id);
  const told = `${version} (${architecture}) at ${place.origin.repository}`;
  return `${told}: ${universe.refusalOf(id) ?? `is not "${wanted}"`}`;
}

function helpFor(universe: RpmUniverse, name: string, versions: readonly number[]): string {
  const refusals = versions.map((id) => universe.refusalOf(id) ?? '');
  if (refusals.every((text) => text.startsWith('package set'))) {
    const numbers = [...new Set(versions.map((id) => universe.at(id).version))].slice(0, TOLD).join(', ');
    return `Ask for a version of "${name}" that is on offer: ${numbers}; a * at the end stands for the rest`;
  }
  if (refusals.some((text) => text.startsWith('the lock holds'))) return `Move "${name}", too: name it with --update`;
  if (refusals.some((text) => text.startsWith('"exclude"'))) return `Take "${name}" out of what "exclude" names`;
  return `Add the repository that offers another version of "${name}"`;
}
