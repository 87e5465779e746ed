import { describe, expect, it } from 'vitest';
import { unknownState, type ComponentState, type ServiceDefinition } from '../../src/agent/index.ts';
import { probeForever } from '../../src/agent/prober.ts';
import { UnitWatcher } from '../../src/agent/unit-watcher.ts';
import type { CommandResult, Host } from '../../src/host/index.ts';
import fc from '../support/fast-check.ts';

const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');

/** Time that passes when everything that happens at a moment has happened. */
class VirtualTime {
  ms = 0;
  #waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  readonly clock = { now: () => new Date(EPOCH + this.ms), monotonic: () => this.ms };

  wait = async (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (): void => reject(new Error('aborted'));
      signal?.addEventListener('abort', end);
      this.#waiting.push({
        at: this.ms + ms,
        resolve: () => {
          signal?.removeEventListener('abort', end);
          resolve();
        },
      });
    });

  async run(until: () => boolean, most: number): Promise<void> {
    for (;;) {
      // Promises of this moment.
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      const next = this.#waiting.toSorted((left, right) => left.at - right.at)[0];
      if (until() || next === undefined || next.at > most) return;
      this.#waiting = this.#waiting.filter((one) => one !== next);
      this.ms = next.at;
      next.resolve();
    }
  }
}

interface World {
  readonly interval: number;
  readonly errors: number;
  readonly timeout: number;
  /** Milliseconds on the clock when the probing begins; 0 when left out. */
  readonly begin?: number;
  /** Answer to a probe that begins at a time, and the milliseconds that it takes. */
  readonly answer: (ms: number) => readonly [exitCode: number, ms: number];
}

/** States with the times at which they were written, until one of them ends it. */
async function watch({ interval, errors, timeout, begin = 0, answer }: World, isEnd: (state: ComponentState) => boolean, most: number) {
  const time = new VirtualTime();
  time.ms = begin;
  const host: Host = {
    name: 'm1',
    address: '127.0.0.1',
    local: true,
    run: async (): Promise<CommandResult> => {
      const [exitCode, ms] = answer(time.ms);
      await time.wait(ms);
      return { exitCode, stdout: '', stderr: '' };
    },
    upload: () => Promise.reject(new Error('a probe uploads nothing')),
    close: async () => {},
  };
  const definition: ServiceDefinition = {
    name: 'disk',
    endpoints: [],
    health: { model: 'cmd', address: 'x', timeInterval: interval, maxErrorsNum: errors, timeout, grace: 0, onUnhealthy: 'report' },
    onlyHealthCheck: true,
    isInitStart: false,
    disable: false,
    after: [],
    requires: [],
    type: 'simple',
    preStart: '',
    start: '',
    stop: '',
  };
  let state = unknownState(time.clock.now());
  let ended: number | undefined;
  const states: (readonly [ms: number, state: string, errors: number])[] = [];
  const abort = new AbortController();
  const probing = probeForever({
    definition,
    host,
    units: new UnitWatcher(host, time.clock),
    clock: time.clock,
    signal: abort.signal,
    wait: time.wait,
    read: () => state,
    write: (next) => {
      state = next;
      states.push([time.ms, next.state, next.errors]);
      if (isEnd(next)) ended ??= time.ms;
    },
  });
  await time.run(() => ended !== undefined, most);
  abort.abort();
  // What is under way has its answer.
  await time.run(() => false, Number.MAX_SAFE_INTEGER);
  await probing;
  return { ended, states };
}

describe('probeForever', () => {
  it('notices what answers no more within interval x (errors + 1) and one time-out', async () => {
    const world = fc.record({
      interval: fc.integer({ min: 1, max: 60 }),
      errors: fc.integer({ min: 0, max: 6 }),
      timeout: fc.integer({ min: 1, max: 60 }),
      begin: fc.integer({ min: 0, max: 100_000 }),
      frozenAt: fc.integer({ min: 1, max: 200_000 }),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ frozenAt, ...rules }) => {
        const from = Math.max(frozenAt, rules.begin);
        const answer = (ms: number): readonly [number, number] => (ms < frozenAt ? [0, 1] : [124, rules.timeout * 1000]);
        const bound = from + (rules.interval * (rules.errors + 1) + rules.timeout) * 1000;
        const { ended } = await watch({ ...rules, answer }, (state) => state.state === 'unhealthy', bound);
        expect(ended).toBeLessThanOrEqual(bound);
        // Not after fewer failures, either: the last of them began `errors` intervals after the first.
        expect(ended).toBeGreaterThanOrEqual(from + (rules.interval * rules.errors + rules.timeout) * 1000);
      }),
      { numRuns: 60 },
    );
  });

  it('begins at once, then together with the other components of the node', async () => {
    const rules = { interval: 5, errors: 3, timeout: 20, answer: (): readonly [number, number] => [0, 1] };
    const early = await watch({ ...rules, begin: 3200 }, () => false, 16_000);
    expect(early.states.map(([ms]) => ms)).toEqual([3201, 5001, 10_001, 15_001]);
    const late = await watch({ ...rules, begin: 4900.5 }, () => false, 16_000);
    expect(late.states.map(([ms]) => ms)).toEqual([4901.5, 5001, 10_001, 15_001]);
  });

  it('takes answers in the order of the questions, so that a late one undoes no newer one', async () => {
    // The probe at 5 s answers well only at 12 s; the one at 10 s fails at once.
    const late = (ms: number): readonly [number, number] => (ms === 5000 ? [0, 7000] : ms === 10_000 ? [1, 1] : [0, 1]);
    const rules = { interval: 5, errors: 3, timeout: 20 };
    const { states } = await watch({ ...rules, answer: late }, () => false, 16_000);
    expect(states.map(([ms, , errors]) => [ms, errors])).toEqual([
      [1, 0],
      [10_001, 1],
      [15_001, 0],
    ]);
    // The probe at 5 s fails only at 12 s; the one at 10 s is well.
    const failing = (ms: number): readonly [number, number] => (ms === 5000 ? [1, 7000] : [0, 1]);
    const well = await watch({ ...rules, answer: failing }, () => false, 16_000);
    expect(well.states.map(([ms, , errors]) => [ms, errors])).toEqual([
      [1, 0],
      [10_001, 0],
      [15_001, 0],
    ]);
  });
});
