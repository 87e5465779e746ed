import { readJournal, type JournalRun } from '../engine/index.ts';
import { seedLayout } from '../site/index.ts';

/** The runs that this machine, as a seed, has carried out, oldest first. Throws INPUT_UNREADABLE. */
export async function readHistory(journal = seedLayout().journal): Promise<readonly JournalRun[]> {
  return readJournal(journal);
}

export type { JournalRun };
