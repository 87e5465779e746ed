import { join } from 'node:path';
import { CaissonError } from '../core/index.ts';

/**
 * Joins a relative POSIX path from foreign data to a root that it cannot leave. Throws PATH_UNSAFE for an absolute or
 * empty path, a `.` or `..` or empty component, a backslash or a control character. Decides by the text alone:
 * symbolic links below the root are the caller's to exclude.
 */
export function joinInside(root: string, relative: string): string {
  const reason = unsafeReason(relative);
  if (reason !== undefined) throw new CaissonError('PATH_UNSAFE', `Cannot use path "${relative}" in "${root}": ${reason}`);
  return join(root, relative);
}

/** Why a relative path is refused by joinInside, or undefined when it is fine. */
export function unsafeReason(relative: string): string | undefined {
  if (relative === '') return 'it is empty';
  if (relative.startsWith('/')) return 'it is absolute';
  if (/\p{Cc}/u.test(relative)) return 'it has a control character';
  if (relative.includes('\\')) return 'it has a backslash';
  for (const component of relative.split('/')) {
    if (component === '') return 'it has an empty component';
    if (component === '.' || component === '..') return `it has a "${component}" component`;
  }
  return undefined;
}
