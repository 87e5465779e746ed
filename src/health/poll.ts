import { CaissonError, formatDuration, silent, systemClock, type Clock, type Emit } from '../core/index.ts';
import { sleep } from '../io/index.ts';
import type { Condition } from './condition.ts';

export interface WaitOptions {
  /** Pause between looks, in milliseconds. */
  readonly intervalMs: number;
  /** Give up when the condition's detail has not changed for this long. Without it only the signal ends the wait. */
  readonly noProgressMs?: number;
  readonly signal: AbortSignal;
  readonly emit?: Emit;
  readonly clock?: Clock;
}

/**
 * Looks until the condition is met. Every new detail is emitted as a note. Throws CONDITION_TIMEOUT with the last detail
 * when there is no progress for `noProgressMs`; never for total time.
 */
export async function waitFor(condition: Condition, options: WaitOptions): Promise<void> {
  const { intervalMs, noProgressMs, signal, emit = silent, clock = systemClock } = options;
  let detail: string | undefined;
  let changed = clock.monotonic();
  for (;;) {
    signal.throwIfAborted();
    const state = await condition.look(signal);
    if (state.met) return;
    if (state.detail !== detail) {
      detail = state.detail;
      changed = clock.monotonic();
      emit({ type: 'note', message: `Waiting until ${condition.description}: ${detail}` });
    }
    const waited = clock.monotonic() - changed;
    if (noProgressMs !== undefined && waited >= noProgressMs) {
      throw new CaissonError(
        'CONDITION_TIMEOUT',
        `Cannot go on until ${condition.description}: ${detail}, unchanged for ${formatDuration(waited)}`,
      );
    }
    await sleep(intervalMs, signal);
  }
}
