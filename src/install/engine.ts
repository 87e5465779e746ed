import pLimit, { type LimitFunction } from 'p-limit';
import { CaissonError, messageOf, type Clock, type Emit } from '../core/index.ts';
import type { RunJournal } from './journal.ts';
import type { Step, StepContext } from './step.ts';

export interface StepFailure {
  readonly step: Step;
  readonly error: unknown;
}

/** Every step that failed, not the first. Steps that needed a failed one were not tried. */
export class StepsFailedError extends CaissonError {
  readonly failures: readonly StepFailure[];

  constructor(failures: readonly StepFailure[], skipped: number) {
    const lines = failures.map(({ step, error }) => `  ${step.host}: ${step.summary}: ${messageOf(error)}${hintOf(error)}`);
    const rest = skipped === 0 ? '' : `\n  ${skipped} later steps were not tried`;
    super('INSTALL_FAILED', `Cannot finish the install: ${failures.length} of its steps failed\n${lines.join('\n')}${rest}`, {
      hint: 'Remedy what is named above and run the same command again: what is done stays done',
      cause: failures[0]?.error,
    });
    this.failures = failures;
  }

  /** What all failures have in common says more than that steps failed: a damaged bundle is 4, whichever step found it. */
  override get exitStatus(): number {
    const [status, ...others] = new Set(this.failures.map(({ error }) => (error instanceof CaissonError ? error.exitStatus : undefined)));
    return status === undefined || others.length > 0 ? super.exitStatus : status;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { failures: this.failures.map(({ step, error }) => ({ step: step.id, host: step.host, reason: messageOf(error) })) };
  }
}

function hintOf(error: unknown): string {
  return error instanceof CaissonError && error.hint !== undefined ? `\n    ${error.hint}` : '';
}

export interface RunOptions {
  readonly journal: RunJournal;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface RunSummary {
  readonly steps: number;
  /** Steps that changed something in this run. */
  readonly changed: number;
}

/** Throws a plain Error, since phases make plans: an id twice, or a need that no step has, is a bug. */
export function checkPlan(steps: readonly Step[]): void {
  const ids = new Set<string>();
  for (const step of steps) {
    if (ids.has(step.id)) throw new Error(`the plan has step "${step.id}" twice`);
    ids.add(step.id);
  }
  for (const step of steps) {
    const unknown = step.needs.find((need) => !ids.has(need));
    if (unknown !== undefined) throw new Error(`step "${step.id}" needs "${unknown}", which is not in the plan`);
  }
}

/**
 * Applies a plan: each step when all it needs has ended well, one at a time on each host, hosts in parallel. A step that
 * is done already is skipped. After a failure, steps that do not depend on it still run; then StepsFailedError tells all.
 */
export async function runSteps(steps: readonly Step[], options: RunOptions): Promise<RunSummary> {
  checkPlan(steps);
  const run = new PlanRun(options);
  const outcomes = new Map<string, Promise<StepOutcome>>();
  for (const step of steps) {
    const needs = step.needs.flatMap((need) => outcomes.get(need) ?? []);
    if (needs.length < step.needs.length) throw new Error(`step "${step.id}" stands before a step that it needs`);
    outcomes.set(step.id, run.afterNeeds(step, needs));
  }
  // All of them, although one met a bug or a journal that cannot be written: nothing may go on behind the caller's back.
  const settled = await Promise.allSettled(outcomes.values());
  const results = settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  options.signal.throwIfAborted();
  if (run.failures.length > 0) throw new StepsFailedError(run.failures, results.filter((result) => result === 'skipped').length);
  return { steps: steps.length, changed: results.filter((result) => result === 'done').length };
}

/** A step of a plan, and whether its host is as it would leave it. */
export interface PlannedStep {
  readonly step: Step;
  readonly done: boolean;
}

/** Looks at each step as a run would, hosts in parallel, and changes nothing. */
export async function lookAtSteps(steps: readonly Step[], context: StepContext): Promise<readonly PlannedStep[]> {
  checkPlan(steps);
  const lanes = new Lanes();
  return Promise.all(
    steps.map((step) =>
      lanes.of(step.host)(async () => {
        context.signal.throwIfAborted();
        return { step, done: await step.isDone(context) };
      }),
    ),
  );
}

/** One thing at a time on each host. */
class Lanes {
  readonly #lanes = new Map<string, LimitFunction>();

  of(host: string): LimitFunction {
    const lane = this.#lanes.get(host) ?? pLimit(1);
    this.#lanes.set(host, lane);
    return lane;
  }
}

type StepOutcome = 'done' | 'already' | 'failed' | 'skipped';

class PlanRun {
  readonly failures: StepFailure[] = [];
  readonly #options: RunOptions;
  readonly #lanes = new Lanes();

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async afterNeeds(step: Step, needs: readonly Promise<StepOutcome>[]): Promise<StepOutcome> {
    const outcomes = await Promise.all(needs);
    if (outcomes.some((outcome) => outcome === 'failed' || outcome === 'skipped')) return 'skipped';
    return this.#lanes.of(step.host)(() => this.#run(step));
  }

  async #run(step: Step): Promise<StepOutcome> {
    const { journal, clock, emit, signal } = this.#options;
    if (signal.aborted) return 'skipped';
    const started = clock.monotonic();
    const said = { phase: step.phase, host: step.host, step: step.id, summary: step.summary };
    const finished = (outcome: 'done' | 'already' | 'failed', reason?: string): void =>
      emit({ type: 'step.finished', ...said, outcome, ms: clock.monotonic() - started, ...(reason === undefined ? {} : { reason }) });
    const context: StepContext = { signal, emit };
    try {
      if (await step.isDone(context)) {
        finished('already');
        return 'already';
      }
      await journal.append({ event: 'step.started', step: step.id, host: step.host });
      emit({ type: 'step.started', ...said });
      await step.apply(context);
      await journal.append({ event: 'step.done', step: step.id, host: step.host });
      finished('done');
      return 'done';
    } catch (error) {
      if (signal.aborted) return 'skipped';
      this.failures.push({ step, error });
      await journal.append({ event: 'step.failed', step: step.id, host: step.host, reason: messageOf(error) });
      finished('failed', messageOf(error));
      return 'failed';
    }
  }
}
