import { GENERATED, LOCK_MEMBER, SBOM_JSON } from '../bundle/index.ts';
import { InvalidInputError } from '../core/index.ts';
import type { ListedFile } from './file-lists.ts';

/**
 * Refuses files whose name is the path of another member: a depot serves both at one place. `members` has the paths that are
 * known before anything is resolved. Throws INPUT_INVALID for the first list that has such a name.
 */
export function refuseServedNames(listed: readonly ListedFile[], members: readonly string[]): void {
  const taken = new Set([...GENERATED, SBOM_JSON, LOCK_MEMBER, ...members]);
  const wrong = listed.filter(({ name }) => taken.has(name));
  const [first] = wrong;
  if (first === undefined) return;
  const problems = wrong
    .filter(({ file }) => file === first.file)
    .map(({ name, line }) => ({
      position: { line, column: 1 },
      reason: `the name "${name}" is that of another file in the bundle, and a depot serves both at /files/${name}`,
      remedy: 'write another name after "as"',
    }));
  throw new InvalidInputError(first.file, problems);
}
