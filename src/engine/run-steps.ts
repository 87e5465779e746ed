import { messageOf, type Clock, type Emit } from '../core/index.ts';
import type { RunJournal } from './journal.ts';
import { DEFAULT_LIMITS, Gatekeeper, type Limits } from './limits.ts';
import type { Step, StepContext } from './step.ts';
import { StepsFailedError, type StepFailure } from './steps-failed-error.ts';

export interface RunOptions {
  readonly journal: RunJournal;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly limits?: Limits;
}

export interface RunSummary {
  readonly steps: number;
  /** Changes and actions that this run applied. Waits and steps that were done already do not count. */
  readonly changed: number;
}

/**
 * Throws a plain Error, because such a plan is a bug: when two steps have the same id, or when a step is listed before a
 * step that it needs or follows.
 */
export function checkPlan(steps: readonly Step[]): void {
  const seen = new Set<Step>();
  const ids = new Set<string>();
  for (const step of steps) {
    if (ids.has(step.id)) throw new Error(`the plan has step "${step.id}" twice`);
    const missing = [...step.needs, ...(step.follows ?? [])].find((need) => !seen.has(need));
    if (missing !== undefined) throw new Error(`step "${step.id}" needs "${missing.id}", which does not stand before it`);
    ids.add(step.id);
    seen.add(step);
  }
}

/**
 * Applies a plan. A step starts when all steps that it needs have succeeded; each host gets one change at a time, and
 * hosts work in parallel within the limits. A step that is done already is skipped. After a failure, steps that do not
 * depend on the failed one still run, and the steps in its `takesBack` are undone. Throws the reason of the signal when
 * it aborts, else StepsFailedError with every failure.
 */
export async function runSteps(steps: readonly Step[], options: RunOptions): Promise<RunSummary> {
  checkPlan(steps);
  const run = new PlanRun(options);
  for (const step of steps) run.add(step);
  const outcomes = await run.settle();
  options.signal.throwIfAborted();
  if (run.failures.length > 0) throw new StepsFailedError(run.failures, outcomes.filter(({ outcome }) => outcome === 'skipped').length);
  const changed = outcomes.filter(({ step, outcome }) => outcome === 'done' && step.kind !== 'wait').length;
  return { steps: steps.length, changed };
}

type StepOutcome = 'done' | 'already' | 'failed' | 'skipped';

/** The end of a step. `ms` counts the milliseconds from its start to its failure. */
type Attempt =
  { readonly outcome: Exclude<StepOutcome, 'failed'> } | { readonly outcome: 'failed'; readonly error: unknown; readonly ms: number };

class PlanRun {
  readonly failures: StepFailure[] = [];
  readonly #options: RunOptions;
  readonly #gatekeeper: Gatekeeper;
  readonly #outcomes = new Map<Step, Promise<StepOutcome>>();
  readonly #applied = new Set<Step>();

  constructor(options: RunOptions) {
    this.#options = options;
    this.#gatekeeper = new Gatekeeper(options.limits ?? DEFAULT_LIMITS);
  }

  add(step: Step): void {
    this.#outcomes.set(step, this.#afterNeeds(step));
  }

  /**
   * Waits for every step, even when one of them rejects (a bug, or a journal that cannot be written), so that no step
   * still runs when the caller sees the error. Throws the first such error.
   */
  async settle(): Promise<readonly { readonly step: Step; readonly outcome: StepOutcome }[]> {
    const steps = [...this.#outcomes.keys()];
    const settled = await Promise.allSettled(this.#outcomes.values());
    return settled.flatMap((result, index) => {
      if (result.status === 'rejected') throw result.reason;
      const step = steps[index];
      return step === undefined ? [] : [{ step, outcome: result.value }];
    });
  }

  async #afterNeeds(step: Step): Promise<StepOutcome> {
    const outcomes = await Promise.all(step.needs.flatMap((need) => this.#outcomes.get(need) ?? []));
    if (outcomes.some((outcome) => outcome === 'failed' || outcome === 'skipped')) return 'skipped';
    await Promise.all((step.follows ?? []).flatMap((one) => this.#outcomes.get(one) ?? []));
    const attempt = await this.#gatekeeper.run(step, () => this.#attempt(step));
    // Undoing a step of this host takes a turn in its lane, so it can start only after this step has left the lane.
    if (attempt.outcome === 'failed') await this.#fail(step, attempt);
    return attempt.outcome;
  }

  async #attempt(step: Step): Promise<Attempt> {
    const { clock, emit, signal } = this.#options;
    if (signal.aborted) return { outcome: 'skipped' };
    const started = clock.monotonic();
    try {
      const outcome = await this.#run(step, { signal, emit });
      emit({ type: 'step.finished', ...saidOf(step), outcome, ms: clock.monotonic() - started });
      return { outcome };
    } catch (error) {
      if (signal.aborted) return { outcome: 'skipped' };
      return { outcome: 'failed', error, ms: clock.monotonic() - started };
    }
  }

  async #run(step: Step, context: StepContext): Promise<'done' | 'already'> {
    const { journal, emit } = this.#options;
    if (await step.isDone(context)) return 'already';
    await journal.append({ event: 'step.started', ...entryOf(step) });
    emit({ type: 'step.started', ...saidOf(step) });
    this.#applied.add(step);
    await step.apply(context);
    await journal.append({ event: 'step.done', ...entryOf(step) });
    return 'done';
  }

  async #fail(step: Step, { error, ms }: { readonly error: unknown; readonly ms: number }): Promise<void> {
    const { journal, emit } = this.#options;
    const reason = messageOf(error);
    this.failures.push({ step, error, takenBack: await this.#takeBack(step) });
    await journal.append({ event: 'step.failed', ...entryOf(step), reason });
    emit({ type: 'step.finished', ...saidOf(step), outcome: 'failed', ms, reason });
  }

  /**
   * Undoes those steps in `takesBack` of a failed step that this run applied. An undo that fails emits a warning, and the
   * others still run.
   */
  async #takeBack(failed: Step): Promise<readonly Step[]> {
    const { journal, signal, emit } = this.#options;
    const undone: Step[] = [];
    for (const step of [...(failed.takesBack ?? [])].reverse()) {
      if (step.undo === undefined || !this.#applied.has(step)) continue;
      try {
        await this.#gatekeeper.run(step, async () => step.undo?.({ signal, emit }));
        await journal.append({ event: 'step.undone', ...entryOf(step) });
        undone.push(step);
      } catch (error) {
        emit({ type: 'warning', message: `Cannot take back "${step.summary}" on "${step.host}": ${messageOf(error)}` });
      }
    }
    return undone;
  }
}

function entryOf({ id, host, summary }: Step) {
  return { step: id, host, summary };
}

function saidOf(step: Step) {
  return { phase: step.phase, ...entryOf(step) };
}
