import { CaissonError } from '../core/index.ts';
import { describePlaces, failureLines, type Failure, type Place } from './failure-lines.ts';

/** One thing that could not be resolved: an image, a file or the packages of an operating system. */
export type Unresolved = Failure;

/** Everything that could not be resolved, not the first. Thrown before any file is written. */
export class BuildUnresolvedError extends CaissonError {
  readonly failures: readonly Unresolved[];

  constructor(failures: readonly Unresolved[]) {
    const lines = failureLines(failures, describeGroup);
    super('BUILD_UNRESOLVED', `Cannot resolve ${failures.length} of the things to bundle:\n${lines.join('\n')}`, {
      cause: failures[0]?.error,
      hint: 'Nothing was written. Correct what is named above and run the command again',
    });
    this.failures = failures;
  }
}

/** Runs the work of one thing; an error that a user can act on becomes a value, so that the others are tried, too. */
export async function orUnresolved<T>(what: string, work: () => Promise<T>, place?: Place): Promise<T | Unresolved> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CaissonError && error.code !== 'INTERRUPTED') return { what, error, place };
    throw error;
  }
}

/** Splits results of orUnresolved; throws BuildUnresolvedError when one failed, naming all that did. */
export function allResolved<T extends object>(results: readonly (T | Unresolved)[]): T[] {
  const failures = results.filter(isUnresolved);
  if (failures.length > 0) throw new BuildUnresolvedError(failures);
  return results.filter((result): result is T => !isUnresolved(result));
}

/** True for a failure among results of orUnresolved. */
export function isUnresolved(result: object): result is Unresolved {
  return 'error' in result && result.error instanceof CaissonError && 'what' in result;
}

/** "3 images (images.txt, lines 1-2, 7), packages of x-1 for amd64" */
function describeGroup(failures: readonly Failure[]): string {
  const listed = failures.filter(({ place }) => place !== undefined);
  const files = listed.filter(({ what }) => what.startsWith('file '));
  const images = listed.filter(({ what }) => !what.startsWith('file '));
  const others = failures.flatMap(({ what, place }) => (place === undefined ? [what] : []));
  return [...ofOneKind(images, 'images'), ...ofOneKind(files, 'files'), ...others].join(', ');
}

function ofOneKind(failures: readonly Failure[], kind: string): string[] {
  const places = failures.flatMap(({ place }) => (place === undefined ? [] : [place]));
  return places.length === 0 ? [] : [`${places.length} ${kind} (${describePlaces(places)})`];
}
