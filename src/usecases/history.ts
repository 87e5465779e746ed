import { readJournal, type JournalRun } from '../engine/index.ts';
import { isMachineLockTaken } from '../io/index.ts';
import type { Machines } from '../site/index.ts';
import { layoutOf } from './session.ts';

/**
 * A run that this machine carried out as a seed. The last one is `unfinished` when the journal has no end of it and a
 * process holds the install lock: it may still be under way.
 */
export interface HistoryRun extends Omit<JournalRun, 'outcome'> {
  readonly outcome: JournalRun['outcome'] | 'unfinished';
}

export interface HistoryOptions {
  /** File of another journal, such as a copy of one. None of its runs is under way. */
  readonly journal?: string | undefined;
  readonly machines?: Machines | undefined;
}

/** Reads the runs of a seed, oldest first. Throws INPUT_UNREADABLE. */
export async function readHistory({ journal, machines }: HistoryOptions = {}): Promise<readonly HistoryRun[]> {
  const layout = layoutOf({ machines });
  const isLocked = journal === undefined && (await isMachineLockTaken(layout.lock));
  const runs = await readJournal(journal ?? layout.journal);
  return runs.map((run, index): HistoryRun =>
    isLocked && index === runs.length - 1 && run.outcome === 'killed' ? { ...run, outcome: 'unfinished' } : run,
  );
}

export type { JournalRun };
