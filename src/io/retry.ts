import { messageOf, silent, type Emit } from '../core/index.ts';
import { sleep } from './sleep.ts';

export interface RetryOptions {
  /** Name of the operation in events: "GET https://…". */
  readonly what: string;
  /** Number of attempts, the first one included. */
  readonly attempts: number;
  /** Waits before the second attempt, the third …; the last one repeats. */
  readonly delaysMs: readonly number[];
  /** False for errors that another attempt cannot mend. */
  readonly isTransient: (error: unknown) => boolean;
  /** A longer wait that the other side asked for (Retry-After). Throws when it is too long to wait. */
  readonly askedDelayMs?: (error: unknown) => number | undefined;
  readonly emit?: Emit;
  readonly signal?: AbortSignal | undefined;
  /** For tests. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** Runs an operation until it succeeds, fails for good or has had all its attempts; then throws the last error. */
export async function retry<T>(operation: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { what, attempts, delaysMs, isTransient, emit = silent, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await operation(attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= attempts || !isTransient(error)) throw error;
      const planned = delaysMs[Math.min(attempt, delaysMs.length) - 1] ?? 0;
      const delayMs = Math.max(planned, options.askedDelayMs?.(error) ?? 0);
      emit({ type: 'retry', what, reason: messageOf(error), attempt, delayMs });
      await (options.sleep ?? sleep)(delayMs, signal);
    }
  }
}
