import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { parseBoundedJson } from '../io/index.ts';

const line = z.looseObject({
  time: z.string(),
  run: z.string(),
  event: z.string(),
  operation: z.string().optional(),
  cluster: z.string().optional(),
  bundle: z.string().optional(),
  accepted: z.string().optional(),
  outcome: z.string().optional(),
  step: z.string().optional(),
  host: z.string().optional(),
  summary: z.string().optional(),
  reason: z.string().optional(),
});

type JournalLine = z.output<typeof line>;

/** One run, as read from the lines of the journal. */
export interface JournalRun {
  readonly run: string;
  readonly operation: string;
  readonly cluster: string;
  readonly bundle: string;
  /** How the bundle was accepted; undefined in journals of earlier versions. */
  readonly accepted: string | undefined;
  readonly started: string;
  /** `killed` when the journal has no line for the end of the run. */
  readonly outcome: 'done' | 'failed' | 'interrupted' | 'killed';
  readonly ended: string | undefined;
  readonly steps: readonly JournalStep[];
}

export interface JournalStep {
  readonly step: string;
  readonly host: string;
  readonly summary: string;
  readonly outcome: 'done' | 'failed' | 'undone' | 'begun';
  readonly started: string;
  readonly ended: string | undefined;
  readonly reason: string | undefined;
}

/**
 * Reads the runs of a journal, oldest first; an empty list when the file does not exist. Lines that are not valid journal
 * lines are skipped, such as the last line before a crash. Throws INPUT_UNREADABLE when the file cannot be read.
 */
export async function readJournal(path: string): Promise<readonly JournalRun[]> {
  const runs = new Map<string, RunBuilder>();
  try {
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const found = parseLine(text);
      if (found === undefined) continue;
      const run = runs.get(found.run) ?? new RunBuilder(found);
      runs.set(found.run, run);
      run.add(found);
    }
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read the journal "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Run this as root on the seed, the machine that the cluster was installed from',
    });
  }
  return [...runs.values()].map((run) => run.build());
}

function parseLine(text: string): JournalLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const found = line.safeParse(parseBoundedJson(text));
    return found.success ? found.data : undefined;
  } catch {
    return undefined;
  }
}

class RunBuilder {
  readonly #first: JournalLine;
  readonly #steps = new Map<string, JournalStep>();
  #end: JournalLine | undefined;

  constructor(first: JournalLine) {
    this.#first = first;
  }

  add(entry: JournalLine): void {
    if (entry.event === 'run.finished') this.#end = entry;
    const { step, host = '', summary = '', time } = entry;
    if (step === undefined) return;
    const before = this.#steps.get(step);
    const outcome = STEP_OUTCOMES.get(entry.event) ?? 'begun';
    this.#steps.set(step, {
      step,
      host,
      summary: summary === '' ? step : summary,
      outcome,
      started: before?.started ?? time,
      ended: outcome === 'begun' ? undefined : time,
      reason: entry.reason ?? before?.reason,
    });
  }

  build(): JournalRun {
    const { run, time, operation = 'install', cluster = '', bundle = '', accepted } = this.#first;
    const outcome = RUN_OUTCOMES.find((candidate) => candidate === this.#end?.outcome) ?? 'killed';
    const ended = this.#end?.time;
    return { run, operation, cluster, bundle, accepted, started: time, outcome, ended, steps: [...this.#steps.values()] };
  }
}

const RUN_OUTCOMES = ['done', 'failed', 'interrupted'] as const;
const STEP_OUTCOMES: ReadonlyMap<string, JournalStep['outcome']> = new Map([
  ['step.done', 'done'],
  ['step.failed', 'failed'],
  ['step.undone', 'undone'],
]);
