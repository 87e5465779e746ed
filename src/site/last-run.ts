import * as z from 'zod';
import { CaissonError, messageOf } from '../core/index.ts';
import { ifPresent, parseBoundedJson, readTextFile, writeFileAtomic } from '../io/index.ts';
import type { SeedLayout } from './layout.ts';

const schema = z.object({
  /** Time at which it ended. */
  time: z.iso.datetime(),
  outcome: z.enum(['done', 'failed']),
  /** Path of the backup that was made. */
  path: z.string().optional(),
  /** Names of the certificates that were issued again. */
  renewed: z.array(z.string()).optional(),
  /** Reason why it failed. */
  reason: z.string().optional(),
  /** Time of the last one that ended well. Absent when none did. */
  lastDone: z.iso.datetime().optional(),
});

/** How the last one ended of what the seed does by itself, and an operator by the same command. */
export type LastRun = z.infer<typeof schema>;

/** Of what the seed does by itself: a backup by the backup section of cluster.yaml, the renewal of certificates. */
export type SeedTask = 'backup' | 'renewal';

const COMMANDS: Readonly<Record<SeedTask, string>> = { backup: 'caisson backup', renewal: 'caisson certificates renew --due' };

/** Path of the file that says how the last one ended. */
export function lastRunPath({ lastBackup, lastRenewal }: LastRunPlaces, task: SeedTask): string {
  return task === 'backup' ? lastBackup : lastRenewal;
}

export type LastRunPlaces = Pick<SeedLayout, 'lastBackup' | 'lastRenewal'>;

/** Reads it. Undefined where none was tried. Throws INPUT_UNREADABLE for a file that does not say it. */
export async function readLastRun(places: LastRunPlaces, task: SeedTask): Promise<LastRun | undefined> {
  const path = lastRunPath(places, task);
  const text = await ifPresent(() => readTextFile(path));
  if (text === undefined) return undefined;
  try {
    return schema.parse(parseBoundedJson(text));
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": it does not say how a ${task} ended (${messageOf(cause)})`, {
      cause,
      hint: `Run the command that writes it anew: ${COMMANDS[task]}`,
    });
  }
}

/** Replaces it. Only root can read the file: reasons and paths are of the seed. */
export async function writeLastRun(places: LastRunPlaces, task: SeedTask, last: LastRun): Promise<void> {
  await writeFileAtomic(lastRunPath(places, task), `${JSON.stringify(last, undefined, 2)}\n`, { mode: 0o600 });
}
