import { hasCode, messageOf, silent, type Clock, type Emit } from '../core/index.ts';
import { isThere } from '../io/index.ts';
import { readLastRun, writeLastRun, type LastRun, type Machines, type SeedLayout, type SeedTask } from '../site/index.ts';
import { layoutOf } from './session.ts';

export interface NoteOptions {
  readonly clock: Clock;
  readonly emit?: Emit;
  readonly machines?: Machines;
}

/**
 * Notes on the seed how a task ended that it does by itself, for those who look at the cluster later; `detailsOf` gives what of the result
 * is noted. Throws what `work` throws. A note that cannot be written is a warning. A task that did not begin, because another run held the
 * install lock, is not noted.
 */
export async function notedRun<T>(
  task: SeedTask,
  options: NoteOptions,
  work: () => Promise<T>,
  detailsOf: (made: T) => Pick<LastRun, 'path' | 'renewed'>,
): Promise<T> {
  try {
    const made = await work();
    const time = options.clock.now().toISOString();
    await note(task, options, () => ({ time, outcome: 'done', ...detailsOf(made), lastDone: time }));
    return made;
  } catch (error) {
    const time = options.clock.now().toISOString();
    if (!hasCode(error, 'INSTALL_LOCKED'))
      await note(task, options, (before) => ({ time, outcome: 'failed', reason: messageOf(error), ...lastDoneOf(before) }));
    throw error;
  }
}

function lastDoneOf(before: LastRun | undefined): Pick<LastRun, 'lastDone'> {
  return before?.lastDone === undefined ? {} : { lastDone: before.lastDone };
}

async function note(task: SeedTask, options: NoteOptions, next: (before: LastRun | undefined) => LastRun): Promise<void> {
  const layout = layoutOf(options);
  // A machine that is no seed gets no file.
  if (!(await isThere(layout.record))) return;
  try {
    await writeLastRun(layout, task, next(await readable(layout, task)));
  } catch (error) {
    (options.emit ?? silent)({ type: 'warning', message: `How the ${task} ended was not noted: ${messageOf(error)}` });
  }
}

/** A note that cannot be read is replaced. */
async function readable(layout: SeedLayout, task: SeedTask): Promise<LastRun | undefined> {
  return readLastRun(layout, task).catch(() => undefined);
}
