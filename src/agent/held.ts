import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../core/index.ts';

/**
 * Name of the file in the state directory that lists services which an operator stopped, one a line. The agent neither starts
 * nor probes these, whatever their definitions say, and a reboot changes nothing in that.
 */
export const HELD_FILE = 'held';

/** Reads the names of the services that are held. There are none without the file. */
export async function readHeld(state: string): Promise<ReadonlySet<string>> {
  try {
    return parseHeld(await readFile(join(state, HELD_FILE), 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return new Set();
    throw error;
  }
}

export function parseHeld(text: string): ReadonlySet<string> {
  return new Set(text.split('\n').filter((name) => name !== ''));
}

/** Formats the list so that parseHeld reads it. */
export function formatHeld(names: Iterable<string>): string {
  return [...names]
    .sort()
    .map((name) => `${name}\n`)
    .join('');
}
