import { fixedClock, type Clock, type Event } from '../../src/core/index.ts';
import { runSteps, type JournalRecord, type Limits, type RunJournal, type Step, type StepKind } from '../../src/engine/index.ts';

/** What sample steps have done so far, and how many of them work. */
export interface World {
  readonly done: Set<string>;
  /** Ids in the order of their end; those of undone steps with "undo" before them. */
  readonly order: string[];
  running: number;
  mostAtOnce: number;
}

export function world(): World {
  return { done: new Set(), order: [], running: 0, mostAtOnce: 0 };
}

export interface SampleStep {
  readonly kind?: StepKind;
  readonly host?: string;
  readonly needs?: readonly Step[];
  readonly follows?: readonly Step[];
  readonly uploads?: boolean;
  readonly takesBack?: readonly Step[];
  /** Works this long, or until this is settled; 5 ms when left out. */
  readonly work?: number | Promise<unknown>;
  readonly fails?: boolean;
  /** Without it, the step cannot be undone. */
  readonly undo?: 'works' | 'fails';
}

export function sampleStep(state: World, id: string, sample: SampleStep = {}): Step {
  const { kind = 'change', host = 'm1', needs = [], work = 5, fails = false, undo } = sample;
  const during = async (task: () => void): Promise<void> => {
    state.running += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, state.running);
    await (typeof work === 'number' ? new Promise((resolve) => setTimeout(resolve, work)) : work);
    state.running -= 1;
    task();
  };
  return {
    id,
    kind,
    phase: 'test',
    host,
    summary: `do ${id}`,
    needs,
    follows: sample.follows ?? [],
    uploads: sample.uploads ?? false,
    takesBack: sample.takesBack ?? [],
    isDone: async () => state.done.has(id),
    apply: () =>
      during(() => {
        if (fails) throw new Error(`${id} broke`);
        state.order.push(id);
        state.done.add(id);
      }),
    ...(undo === undefined ? {} : { undo: () => during(() => undone(state, id, undo)) }),
  };
}

function undone(state: World, id: string, undo: 'works' | 'fails'): void {
  if (undo === 'fails') throw new Error(`undo of ${id} broke`);
  state.order.push(`undo ${id}`);
  state.done.delete(id);
}

export function memoryJournal(): RunJournal & { readonly records: JournalRecord[] } {
  const records: JournalRecord[] = [];
  return {
    records,
    append: async (record) => void records.push(record),
    close: async () => {},
  };
}

export interface SampleRun {
  readonly signal?: AbortSignal;
  readonly limits?: Limits;
  readonly journal?: RunJournal;
  readonly clock?: Clock;
}

/** Runs steps; what they say and what the journal gets is complete when `outcome` is settled. */
export function startRun(
  steps: readonly Step[],
  { signal = new AbortController().signal, limits, journal, clock = fixedClock(0) }: SampleRun = {},
) {
  const events: Event[] = [];
  const memory = memoryJournal();
  const outcome = runSteps(steps, {
    journal: journal ?? memory,
    clock,
    emit: (event) => events.push(event),
    signal,
    ...(limits === undefined ? {} : { limits }),
  });
  return { outcome, events, records: memory.records };
}
