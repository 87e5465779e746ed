import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The repository's top folder: the nearest one above this file whose package.json is Caisson's. Holds for the bundled quickstart, too. */
export function repositoryRoot(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    const file = join(directory, 'package.json');
    // The file is ours or nobody's: only its name is read.
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'caisson') return directory;
    if (directory === dirname(directory)) throw new Error('Cannot find the top folder of Caisson above the lab');
  }
}

/** A folder that outlives a run: images and the lab's own engine. `CAISSON_LAB_CACHE`, or ~/.cache/caisson-lab. */
export function cacheDirectory(...parts: string[]): string {
  const directory = join(process.env['CAISSON_LAB_CACHE'] ?? join(homedir(), '.cache', 'caisson-lab'), ...parts);
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** A new empty folder for one run, on the same file system as the cache. The caller removes it. */
export function runDirectory(purpose: string): string {
  return mkdtempSync(join(cacheDirectory('runs'), `${purpose}-`));
}

/** Removes the folders that runs of this purpose made, those of a run that was killed included. */
export async function removeRunDirectories(purpose: string): Promise<void> {
  const runs = cacheDirectory('runs');
  // mkdtemp adds six characters, so that "lab-a" does not take "lab-a-b" with it.
  const own = readdirSync(runs).filter((name) => name.startsWith(`${purpose}-`) && name.length === purpose.length + 7);
  for (const name of own) await rm(join(runs, name), { recursive: true, force: true });
}

/**
 * The name of a lab as its containers, network and folder have it. A run under a lock of its own (CAISSON_LAB_LOCK) has labs of its own, so
 * that two such runs leave each other's alone.
 */
export function ownLabName(name: string): string {
  const lock = process.env['CAISSON_LAB_LOCK'];
  return lock === undefined ? name : `${lock}-${name}`;
}

/** Twelve hexadecimal digits that change when the recipe does. */
export function recipeKey(...recipe: readonly string[]): string {
  return createHash('sha256').update(recipe.join('\0')).digest('hex').slice(0, 12);
}
