import type { Emit } from '../core/index.ts';

/** The signal and the event sink that a step gets for `isDone`, `apply` and `undo`. */
export interface StepContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * `change` changes a host, `action` runs a hook of the platform, `wait` only looks until a condition is met, `transfer` sends data
 * to a program that runs. Changes and actions of one host run one after the other; waits and transfers do not block their host.
 */
export type StepKind = 'change' | 'action' | 'wait' | 'transfer';

/**
 * One step of a plan. `isDone` looks at the host, never at the journal, so that a run sees the real state after a crash
 * or after an operator's manual change. `apply` may be repeated after an interruption at any point and then ends in the
 * same state.
 */
export interface Step {
  /** PHASE/HOST/NAME, unique in the plan. Shown in the journal and in messages; steps refer to each other as objects. */
  readonly id: string;
  readonly kind: StepKind;
  readonly phase: string;
  readonly host: string;
  readonly summary: string;
  /** Steps that must succeed before this one starts. */
  readonly needs: readonly Step[];
  /** Steps that must end before this one starts, whether they succeed or fail. */
  readonly follows?: readonly Step[];
  /**
   * True when the step sends much data from the seed: `Limits.uploads` bounds how many of these steps run at the same
   * time.
   */
  readonly uploads?: boolean;
  isDone(context: StepContext): Promise<boolean>;
  apply(context: StepContext): Promise<void>;
  /** Restores the state before `apply` in this run. */
  undo?(context: StepContext): Promise<void>;
  /** Steps that are undone when this one fails, in reverse order. May contain this step itself. */
  readonly takesBack?: readonly Step[];
}
