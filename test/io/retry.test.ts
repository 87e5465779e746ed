import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { retry, sleep, type RetryOptions } from '../../src/io/index.ts';

function setup(overrides: Partial<RetryOptions> = {}): { slept: number[]; events: Event[]; options: RetryOptions } {
  const slept: number[] = [];
  const events: Event[] = [];
  const options = {
    what: 'it',
    attempts: 4,
    delaysMs: [10, 20],
    isTransient: (error: unknown) => error instanceof Error && error.message.startsWith('again'),
    emit: (event: Event) => events.push(event),
    sleep: async (milliseconds: number) => {
      slept.push(milliseconds);
    },
    ...overrides,
  };
  return { slept, events, options };
}

describe('retry', () => {
  it('returns the first success, with the planned waits before it, the last one repeated', async () => {
    const { slept, events, options } = setup();
    const result = await retry(async (attempt) => {
      if (attempt < 4) throw new Error(`again ${attempt}`);
      return attempt;
    }, options);
    expect(result).toBe(4);
    expect(slept).toEqual([10, 20, 20]);
    expect(events[0]).toEqual({ type: 'retry', what: 'it', reason: 'again 1', attempt: 1, delayMs: 10 });
  });

  it('throws the last error after the last attempt', async () => {
    const { slept, options } = setup();
    await expect(
      retry(async (attempt) => {
        throw new Error(`again ${attempt}`);
      }, options),
    ).rejects.toThrow('again 4');
    expect(slept).toHaveLength(3);
  });

  it('throws at once what another attempt cannot mend', async () => {
    const { slept, options } = setup();
    await expect(
      retry(async () => {
        throw new Error('never');
      }, options),
    ).rejects.toThrow('never');
    expect(slept).toEqual([]);
  });

  it('waits longer when the other side asks for it, and not shorter', async () => {
    const asked = [5, 500];
    const { slept, options } = setup({ askedDelayMs: () => asked.shift() });
    await retry(async (attempt) => {
      if (attempt < 3) throw new Error('again');
    }, options);
    expect(slept).toEqual([10, 500]);
  });

  it('ends with the reason of the signal, not with the error of the operation', async () => {
    const controller = new AbortController();
    const { options } = setup({ signal: controller.signal });
    await expect(
      retry(async () => {
        controller.abort(new Error('stopped'));
        throw new Error('again');
      }, options),
    ).rejects.toThrow('stopped');
  });
});

describe('sleep', () => {
  it('ends with the reason as soon as the signal aborts', async () => {
    const controller = new AbortController();
    const sleeping = sleep(60_000, controller.signal);
    controller.abort(new Error('stopped'));
    await expect(sleeping).rejects.toThrow('stopped');
  });
});
