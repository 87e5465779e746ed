import { readJournal, type JournalRun } from '../engine/index.ts';
import { seedLayout } from '../site/index.ts';

/** Reads the runs that this machine carried out as a seed, oldest first. Throws INPUT_UNREADABLE. */
export async function readHistory(journal = seedLayout().journal): Promise<readonly JournalRun[]> {
  return readJournal(journal);
}

export type { JournalRun };
