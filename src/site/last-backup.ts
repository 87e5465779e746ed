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
  /** Reason why it failed. */
  reason: z.string().optional(),
  /** Time of the last one that was made. Absent when none was. */
  lastDone: z.iso.datetime().optional(),
});

/** How the last backup ended that was made by the backup section of cluster.yaml. */
export type LastBackup = z.infer<typeof schema>;

/** Reads it. Undefined where no such backup was tried. Throws INPUT_UNREADABLE for a file that does not say it. */
export async function readLastBackup({ lastBackup: path }: Pick<SeedLayout, 'lastBackup'>): Promise<LastBackup | undefined> {
  const text = await ifPresent(() => readTextFile(path));
  if (text === undefined) return undefined;
  try {
    return schema.parse(parseBoundedJson(text));
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": it does not say how a backup ended (${messageOf(cause)})`, {
      cause,
      hint: 'Make a backup, which writes it anew: caisson backup',
    });
  }
}

/** Replaces it. Only root can read the file: reasons and paths are of the seed. */
export async function writeLastBackup({ lastBackup: path }: Pick<SeedLayout, 'lastBackup'>, last: LastBackup): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(last, undefined, 2)}\n`, { mode: 0o600 });
}
