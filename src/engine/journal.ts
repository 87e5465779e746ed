import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../core/index.ts';

interface StepEntry {
  readonly step: string;
  readonly host: string;
  readonly summary: string;
}

/**
 * One line of the journal, without time and run id. The journal is for readers only: whether a step is done is asked of
 * the host.
 */
export type JournalRecord =
  | {
      readonly event: 'run.started';
      readonly operation: string;
      readonly cluster: string;
      readonly bundle: string;
      /** How the bundle was accepted, for people. */
      readonly accepted?: string;
      readonly steps: number;
    }
  | { readonly event: 'run.finished'; readonly outcome: 'done'; readonly changed: number }
  | { readonly event: 'run.finished'; readonly outcome: 'failed' | 'interrupted' }
  | ({ readonly event: 'step.started' | 'step.done' | 'step.undone' } & StepEntry)
  | ({ readonly event: 'step.failed'; readonly reason: string } & StepEntry);

/**
 * Append-only file of install runs, one JSON line for each event. `append` resolves when its line is on disk, and rejects
 * when the line cannot be written.
 */
export interface RunJournal {
  append(record: JournalRecord): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the journal file, or creates it with its directory (modes 0600 and 0700). Each line carries the time and the run
 * id, so that runs can be told apart. Throws the error of the file system when the file cannot be opened.
 */
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

/** True when a crash cut the last line short. The next line must then start with a line break. */
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
  /** Settles when the last appended line is on disk. Each write waits for the earlier one, so lines never mix. */
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
    // A failed earlier write rejects its own `append`; this line is written all the same.
    await earlier.catch(() => {});
    await this.#handle.appendFile(text);
    await this.#handle.datasync();
  }
}
