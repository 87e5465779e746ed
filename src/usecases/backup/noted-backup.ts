import { messageOf, silent, type Clock, type Emit } from '../../core/index.ts';
import { isThere } from '../../io/index.ts';
import { readLastBackup, writeLastBackup, type LastBackup, type Machines, type SeedLayout } from '../../site/index.ts';
import { layoutOf } from '../session.ts';

export interface NoteOptions {
  readonly clock: Clock;
  readonly emit?: Emit;
  readonly machines?: Machines;
}

/**
 * Notes on the seed how a backup by cluster.yaml ended, for those who look at the cluster later. Throws what `work` throws. A note
 * that cannot be written is a warning.
 */
export async function notedBackup<T extends { readonly path: string }>(options: NoteOptions, work: () => Promise<T>): Promise<T> {
  try {
    const made = await work();
    const time = options.clock.now().toISOString();
    await note(options, () => ({ time, outcome: 'done', path: made.path, lastDone: time }));
    return made;
  } catch (error) {
    const time = options.clock.now().toISOString();
    await note(options, (before) => ({ time, outcome: 'failed', reason: messageOf(error), ...lastDoneOf(before) }));
    throw error;
  }
}

function lastDoneOf(before: LastBackup | undefined): Pick<LastBackup, 'lastDone'> {
  return before?.lastDone === undefined ? {} : { lastDone: before.lastDone };
}

async function note(options: NoteOptions, next: (before: LastBackup | undefined) => LastBackup): Promise<void> {
  const layout = layoutOf(options);
  // A machine that is no seed gets no file.
  if (!(await isThere(layout.record))) return;
  try {
    await writeLastBackup(layout, next(await readable(layout)));
  } catch (error) {
    (options.emit ?? silent)({ type: 'warning', message: `How the backup ended was not noted: ${messageOf(error)}` });
  }
}

/** A note that cannot be read is replaced. */
async function readable(layout: SeedLayout): Promise<LastBackup | undefined> {
  return readLastBackup(layout).catch(() => undefined);
}
