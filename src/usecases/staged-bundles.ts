import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { seedLayout } from '../site/index.ts';

/**
 * Paths of the bundles that installs left on this seed, sorted. Each was verified before it got its name. Empty when
 * the directory does not exist. Throws INPUT_UNREADABLE.
 */
export async function stagedBundles(directory = seedLayout().bundles): Promise<readonly string[]> {
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => name.endsWith('.tar'))
      .sort()
      .map((name) => join(directory, name));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw new CaissonError('INPUT_UNREADABLE', `Cannot look for bundles in "${directory}": ${messageOf(cause)}`, { cause });
  }
}
