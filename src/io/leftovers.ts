import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../core/index.ts';

/** `.NAME.` and twelve hexadecimal digits: the name of a file until it is complete and gets its NAME. */
const TEMPORARY = /^\.(.+)\.[0-9a-f]{12}\.tmp$/;

/**
 * Removes the temporary files that killed writers of these files (of all files, without `names`) left in a directory. The
 * caller must hold a lock that keeps other writers out of the directory. A directory that does not exist has none.
 */
export async function removeLeftovers(directory: string, ...names: readonly string[]): Promise<void> {
  for (const entry of await namesIn(directory)) {
    const [, target] = TEMPORARY.exec(entry) ?? [];
    if (target !== undefined && (names.length === 0 || names.includes(target))) await rm(join(directory, entry), { force: true });
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
