import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf } from '../core/index.ts';

/** `.NAME.` and twelve hexadecimal digits: the name of a file until it is complete and gets its NAME. */
const TEMPORARY = /^\.(.+)\.[0-9a-f]{12}\.tmp$/;

/**
 * Removes the temporary files that killed writers of these files left in a directory. The caller must hold a lock that keeps
 * other writers out of the directory. A directory that does not exist has none.
 */
export async function removeLeftovers(directory: string, ...names: readonly string[]): Promise<void> {
  for (const entry of await namesIn(directory)) {
    const [, target] = TEMPORARY.exec(entry) ?? [];
    if (target !== undefined && names.includes(target)) await rm(join(directory, entry), { force: true });
  }
}

/** Does the same for all files of a directory and of the directories below it. */
export async function removeLeftoversBelow(directory: string): Promise<void> {
  for (const path of await namesIn(directory, { recursive: true }))
    if (TEMPORARY.test(basename(path))) await rm(join(directory, path), { force: true });
}

async function namesIn(directory: string, { recursive = false } = {}): Promise<readonly string[]> {
  try {
    return await readdir(directory, { recursive });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
