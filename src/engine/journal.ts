import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../core/index.ts';

interface StepEntry {
  readonly step: string;
  readonly host: string;
  readonly summary: string;
}

/** A line of the journal. The journal tells the story of the runs; the hosts are always asked for what they have. */
export type JournalRecord =
  | {
      readonly event: 'run.started';
      readonly operation: string;
      readonly cluster: string;
      readonly bundle: string;
      readonly steps: number;
    }
  | { readonly event: 'run.finished'; readonly outcome: 'done'; readonly changed: number }
  | { readonly event: 'run.finished'; readonly outcome: 'failed' | 'interrupted' }
  | ({ readonly event: 'step.started' | 'step.done' | 'step.undone' } & StepEntry)
  | ({ readonly event: 'step.failed'; readonly reason: string } & StepEntry);

/** Append-only record of install runs, one JSON line each, on disk before the next change begins. */
export interface RunJournal {
  append(record: JournalRecord): Promise<void>;
  close(): Promise<void>;
}

/** Opens (or starts) the journal file. Lines carry the time and a run id, so that runs can be told apart. */
export async function openJournal(path: string, options: { readonly clock: Clock; readonly run: string }): Promise<RunJournal> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const handle = await open(path, 'a+', 0o600);
  try {
    return new FileJournal(handle, options, await endsInsideLine(handle));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A crash may have cut the last line short; what comes next must not be joined to it. */
async function endsInsideLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return false;
  const { buffer } = await handle.read({ buffer: Buffer.alloc(1), position: size - 1 });
  return buffer.toString() !== '\n';
}

class FileJournal implements RunJournal {
  readonly #handle: FileHandle;
  readonly #clock: Clock;
  readonly #run: string;
  /** Lines are written one after the other, also when several are appended at the same time. */
  #written: Promise<void> = Promise.resolve();
  #before: string;

  constructor(handle: FileHandle, { clock, run }: { readonly clock: Clock; readonly run: string }, insideLine: boolean) {
    this.#handle = handle;
    this.#clock = clock;
    this.#run = run;
    this.#before = insideLine ? '\n' : '';
  }

  async append(record: JournalRecord): Promise<void> {
    const line = JSON.stringify({ time: this.#clock.now().toISOString(), run: this.#run, ...record });
    const earlier = this.#written;
    this.#written = this.#write(`${this.#before}${line}\n`, earlier);
    this.#before = '';
    await this.#written;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #write(text: string, earlier: Promise<void>): Promise<void> {
    // The caller that appended the earlier line hears of its failure; later lines are still worth writing.
    await earlier.catch(() => {});
    await this.#handle.appendFile(text);
    await this.#handle.datasync();
  }
}
