import type { Emit } from '../core/index.ts';

/** What a step may use while it checks or works. */
export interface StepContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * One change on one host. `isDone` looks at the host, never at the journal, so that a run after a crash or after
 * somebody's manual change finds the truth. `apply` may be repeated at any point and ends in the same state.
 */
export interface Step {
  /** Unique in the plan: phase/host/what, for instance install-packages/c1/docker. */
  readonly id: string;
  readonly phase: string;
  readonly host: string;
  readonly summary: string;
  /** Ids of steps that must have ended well before this one starts. */
  readonly needs: readonly string[];
  isDone(context: StepContext): Promise<boolean>;
  apply(context: StepContext): Promise<void>;
  undo?(context: StepContext): Promise<void>;
}
