import { basename } from 'node:path';

/** Names of the program's own files: the executable of a bundle, and the script. */
const OWN_NAMES = /^(?:caisson(?:-[a-z0-9-]+)?|main\.js)$/;

/**
 * Returns the name by which the program was started: the base name of a link to it, such as the platform's name for the
 * command, and `caisson` for its own files.
 */
export function programName(startedAs: string): string {
  // A login shell starts programs with a hyphen before the name.
  const name = basename(startedAs).replace(/^-/, '');
  return name === '' || OWN_NAMES.test(name) ? 'caisson' : name;
}
