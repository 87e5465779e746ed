import { nearestName } from '../../io/index.ts';
import { reason, type Reason } from '../explain.ts';
import type { AptPackage } from './apt-package.ts';
import { formatRequirement, type Requirement } from './requirement.ts';
import { satisfies, type Universe } from './universe.ts';

/** Versions of one package that are told. */
const TOLD = 8;

/** Why no candidate satisfies a requirement: every version that is on offer, and why it is not taken. */
export function whyNoOffer(universe: Universe, requirement: Requirement): Reason {
  const wanted = formatRequirement(requirement);
  const versions = universe.versionsOf(requirement.name);
  const unusable = universe.unusable(requirement.name).map((text) => reason(text));
  const providers = universe.providers(requirement.name);
  if (versions.length > 0) {
    const told = versions.slice(0, TOLD).map((found) => reason(whyNot(universe, found, requirement)));
    const more = versions.length > TOLD ? [reason(`and ${versions.length - TOLD} older ones`)] : [];
    return reason(`"${wanted}": no version on offer is one`, [...told, ...more, ...unusable], helpFor(universe, versions));
  }
  if (providers.length > 0) {
    const names = providers.map(({ name, provides }) => {
      const own = provides.filter((provide) => provide.name === requirement.name).map(formatRequirement);
      return `"${name}" (as ${own.join(', ')})`;
    });
    return reason(`"${wanted}": offered only by ${names.join(', ')}`);
  }
  if (unusable.length > 0) {
    return reason(
      `"${wanted}": what the repositories say of it cannot be used`,
      unusable,
      'Ask who runs the repository to mend it, or add one that offers it',
    );
  }
  const near = nearestName(requirement.name, universe.names());
  const help = near === undefined ? `Add the repository or suite that offers "${requirement.name}"` : `Write "${near}", if that is meant`;
  return reason(`"${wanted}": no repository offers it`, [], help);
}

function whyNot(universe: Universe, found: AptPackage, requirement: Requirement): string {
  const { origin } = found.place;
  const told = `${found.version} (${found.architecture}) of "${origin.suite}" at ${origin.repository}`;
  const refusal = universe.refusalOf(found);
  if (refusal !== undefined) return `${told}: ${refusal}`;
  if (!satisfies(found, requirement, universe.architecture)) return `${told}: is not "${formatRequirement(requirement)}"`;
  const candidate = universe.candidate(found.name);
  return `${told}: ${candidate?.version} of "${candidate?.place.origin.suite}" counts before it`;
}

function helpFor(universe: Universe, versions: readonly AptPackage[]): string {
  const [newest] = versions;
  const refusals = versions.map((found) => universe.refusalOf(found) ?? '');
  if (newest !== undefined && refusals.every((text) => text.startsWith('package set'))) {
    const numbers = [...new Set(versions.map(({ version }) => version))].slice(0, TOLD).join(', ');
    return `Ask for a version of "${newest.name}" that is on offer: ${numbers}; a * at the end stands for the rest`;
  }
  if (refusals.some((text) => text.startsWith('the lock holds'))) return `Move "${newest?.name}", too: name it with --update`;
  if (refusals.some((text) => text.startsWith('"exclude"'))) return `Take "${newest?.name}" out of what "exclude" names`;
  return `Add the suite or repository that offers another version of "${newest?.name}"`;
}
