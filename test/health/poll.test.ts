import { describe, expect, it } from 'vitest';
import type { Clock, Event } from '../../src/core/index.ts';
import { waitFor, type Condition, type ConditionState } from '../../src/health/index.ts';

function sequence(...states: readonly ConditionState[]): Condition {
  let turn = 0;
  return {
    description: 'etcd is healthy',
    look: async () => states[Math.min(turn++, states.length - 1)] ?? { met: false, detail: '' },
  };
}

/** Every look at the clock is a second later. */
function tickingClock(): Clock {
  let now = 0;
  return { now: () => new Date(now), monotonic: () => (now += 1000) };
}

const { signal } = new AbortController();

describe('waitFor', () => {
  it('looks until the condition is met and tells every new detail once', async () => {
    const events: Event[] = [];
    const condition = sequence(
      { met: false, detail: 'refused' },
      { met: false, detail: 'refused' },
      { met: false, detail: 'answers 503' },
      { met: true, detail: '' },
    );
    await waitFor(condition, { intervalMs: 1, signal, emit: (event) => events.push(event) });
    expect(events).toEqual([
      { type: 'note', message: 'Waiting until etcd is healthy: refused' },
      { type: 'note', message: 'Waiting until etcd is healthy: answers 503' },
    ]);
  });

  it('gives up when nothing changes, with what it saw last', async () => {
    const waiting = waitFor(sequence({ met: false, detail: 'refused' }), {
      intervalMs: 1,
      noProgressMs: 5000,
      signal,
      clock: tickingClock(),
    });
    await expect(waiting).rejects.toMatchObject({ code: 'CONDITION_TIMEOUT', message: expect.stringContaining('refused') });
  });

  it('does not give up while the detail moves, however long it takes', async () => {
    const steps = Array.from({ length: 20 }, (_, step) => ({ met: false, detail: `${step} of 20 members` }));
    await waitFor(sequence(...steps, { met: true, detail: '' }), { intervalMs: 1, noProgressMs: 3000, signal, clock: tickingClock() });
  });

  it('ends at once when the signal aborts', async () => {
    const abort = new AbortController();
    const waiting = waitFor(sequence({ met: false, detail: 'refused' }), { intervalMs: 60_000, signal: abort.signal });
    abort.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });
});
