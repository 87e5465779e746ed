import type { Emit } from '../core/index.ts';

/** The means of a step while it looks or works. */
export interface StepContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * `change` makes a host other than it was, `action` runs a hook of the platform, `wait` only looks until a condition is
 * met. Changes and actions of one host run one after the other; a wait holds no host up.
 */
export type StepKind = 'change' | 'action' | 'wait';

/**
 * One step of a plan. `isDone` looks at the host, never at the journal, so that a run after a crash or after an operator's
 * manual change finds the truth. `apply` may be repeated at any point and ends in the same state.
 */
export interface Step {
  /** Unique in the plan, for the journal and for people: phase/host/what. Steps refer to each other as objects. */
  readonly id: string;
  readonly kind: StepKind;
  readonly phase: string;
  readonly host: string;
  readonly summary: string;
  /** Steps that must have ended well before this one starts. */
  readonly needs: readonly Step[];
  /** Steps that must have ended before this one starts, well or not. */
  readonly follows?: readonly Step[];
  /** True when it sends much from the seed, so that few of its like run at a time. */
  readonly uploads?: boolean;
  isDone(context: StepContext): Promise<boolean>;
  apply(context: StepContext): Promise<void>;
  /** Takes back what `apply` did in this run. */
  undo?(context: StepContext): Promise<void>;
  /** Steps that are taken back, the last first, when this one fails; it may be one of them. */
  readonly takesBack?: readonly Step[];
}
