import { readFile, stat } from 'node:fs/promises';
import { errnoOf } from '../../core/index.ts';

/** Milliseconds after which the mark of a run no longer counts: the run was killed, or failed, and was not repeated. */
const MARK_MS = 3_600_000;

/**
 * Returns since when a run is changing this node, as ISO time; undefined when none is. The record of the node says so from the
 * first change of a run to its end. After a run that did not end well the mark stays: it counts for an hour.
 */
export async function runningChange(record: string, now: Date): Promise<string | undefined> {
  try {
    const [text, { mtime }] = await Promise.all([readFile(record, 'utf8'), stat(record)]);
    const known: unknown = JSON.parse(text);
    const isChanging = typeof known === 'object' && known !== null && 'changing' in known && known.changing === true;
    return isChanging && Math.abs(now.getTime() - mtime.getTime()) < MARK_MS ? mtime.toISOString() : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
