import { describe, expect, it } from 'vitest';
import { CALM_MS, CRASHES, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, pauseAfter } from '../../../src/agent/keep/back-off.ts';
import { decide, NEVER_RESTARTED, type KeepInput, type KeepMemory } from '../../../src/agent/keep/keeper.ts';
import fc from '../../support/fast-check.ts';

const FROZEN: KeepInput = {
  now: 1_000_000,
  policy: 'restart',
  state: 'unhealthy',
  errors: 4,
  maxErrors: 3,
  intervalMs: 5000,
  unit: 'running',
  systemdRestarts: 0,
  needsDown: [],
};

describe('decide', () => {
  it('restarts what runs and is unhealthy, and counts that', () => {
    expect(decide(NEVER_RESTARTED, FROZEN)).toEqual({
      restart: true,
      memory: { ...NEVER_RESTARTED, restarts: 1, tries: 1, at: FROZEN.now, counted: 0 },
    });
  });

  it.each<[string, Partial<KeepInput>, object | undefined]>([
    ['is healthy', { state: 'healthy', errors: 0 }, undefined],
    ['is healthy and has failures that are tolerated', { state: 'healthy', errors: 3 }, undefined],
    ['starts', { state: 'starting' }, undefined],
    ['is not known yet', { state: 'unknown' }, undefined],
    ['was stopped by a person', { state: 'stopped', unit: 'ended' }, undefined],
    ['was unhealthy and has not failed often enough since', { errors: 3 }, undefined],
    ['systemd is about to start', { unit: 'busy' }, undefined],
    ['failed under a policy that leaves it so', { unit: 'ended' }, { word: 'reported' }],
    ['is only reported', { policy: 'report' }, { word: 'reported' }],
    ['has no unit', { unit: 'none' }, { word: 'reported' }],
    ['needs what is down', { needsDown: ['etcd@m1'] }, { word: 'waiting', for: ['etcd@m1'] }],
    ['a run works on', { hindrance: 'a run changes it' }, { word: 'paused', because: 'a run changes it' }],
    ['is held although its needs are down, too', { hindrance: 'held', needsDown: ['x@y'] }, { word: 'paused', because: 'held' }],
  ])('leaves alone what %s', (_, change, standing) => {
    const decision = decide(NEVER_RESTARTED, { ...FROZEN, ...change });
    expect(decision.restart).toBe(false);
    expect(decision.standing).toEqual(standing);
    expect(decision.memory.restarts).toBe(0);
  });

  it('starts what must always run, also when a person stopped it or it failed', () => {
    expect(decide(NEVER_RESTARTED, { ...FROZEN, policy: 'always', state: 'stopped', unit: 'ended' }).restart).toBe(true);
    expect(decide(NEVER_RESTARTED, { ...FROZEN, policy: 'always', unit: 'ended' }).restart).toBe(true);
  });

  it('starts what only has to run where it failed or was stopped, and never interrupts it', () => {
    const mount: KeepInput = { ...FROZEN, policy: 'start' };
    expect(decide(NEVER_RESTARTED, { ...mount, state: 'stopped', unit: 'ended' }).restart).toBe(true);
    expect(decide(NEVER_RESTARTED, { ...mount, unit: 'ended' }).restart).toBe(true);
    expect(decide(NEVER_RESTARTED, mount)).toMatchObject({ restart: false, standing: { word: 'reported' } });
  });

  it('doubles the pauses up to the ceiling', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 50].map(pauseAfter)).toEqual([0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
    let memory: KeepMemory = NEVER_RESTARTED;
    const times: number[] = [];
    for (let now = 0; now < 1_000_000; now += 5000) {
      const decision = decide(memory, { ...FROZEN, now });
      memory = decision.memory;
      if (decision.restart) times.push(now / 1000);
    }
    expect(times).toEqual([0, 10, 30, 70, 150, 310, 610, 910]);
  });

  it('says until when it pauses, and calls it a crash loop after the fifth restart', () => {
    const after = (tries: number) => decide({ ...NEVER_RESTARTED, tries, restarts: tries, at: FROZEN.now - 1000 }, FROZEN).standing;
    expect(after(1)).toEqual({ word: 'backing-off', next: FROZEN.now + 9000 });
    expect(after(CRASHES)).toEqual({ word: 'crash-loop', next: FROZEN.now + 159_000 });
  });

  it('begins anew after ten minutes without a fault, and not a moment earlier', () => {
    const tired: KeepMemory = { ...NEVER_RESTARTED, restarts: 9, tries: 9, at: 0 };
    const well = (memory: KeepMemory, now: number) => decide(memory, { ...FROZEN, now, state: 'healthy', errors: 0 }).memory;
    const first = well(tired, 1000);
    expect(well(first, CALM_MS + 999).tries).toBe(9);
    expect(well(first, CALM_MS + 1000)).toMatchObject({ tries: 0, restarts: 9 });
    const interrupted = decide(first, { ...FROZEN, now: 2000, state: 'starting', errors: 0 }).memory;
    expect(well(interrupted, CALM_MS + 1000).tries).toBe(9);
  });

  it('gives a service the time of as many probes to recover once its needs are back', () => {
    let { memory } = decide(NEVER_RESTARTED, { ...FROZEN, needsDown: ['etcd@m1'] });
    const look = (seconds: number) => {
      const decision = decide(memory, { ...FROZEN, now: FROZEN.now + seconds * 1000 });
      ({ memory } = decision);
      return decision;
    };
    expect(look(5).standing).toEqual({ word: 'recovering', next: FROZEN.now + 20_000 });
    expect(look(19.999).restart).toBe(false);
    expect(look(20).restart).toBe(true);
  });

  it('tells a crash loop by the starts of systemd, while it is healthy for a moment, too', () => {
    let memory: KeepMemory = NEVER_RESTARTED;
    const look = (now: number, systemdRestarts: number, change: Partial<KeepInput> = { state: 'healthy', errors: 0 }) => {
      const decision = decide(memory, { ...FROZEN, ...change, now, systemdRestarts });
      ({ memory } = decision);
      return decision.standing;
    };
    expect(look(0, 7)).toBeUndefined();
    for (const count of [1, 2, 3, 4]) expect(look(count * 10_000, 7 + count)).toBeUndefined();
    expect(look(50_000, 12)).toEqual({ word: 'crash-loop' });
    expect(look(60_000, 12, { unit: 'busy' })).toEqual({ word: 'crash-loop' });
    // A restart by a person sets the count of systemd back.
    expect(look(70_000, 0)).toEqual({ word: 'crash-loop' });
    expect(look(10_000 + CALM_MS, 0)).toBeUndefined();
  });
});

const change = fc.record({
  step: fc.integer({ min: 1, max: 400_000 }),
  policy: fc.constantFrom('restart', 'always', 'start', 'report' as const),
  state: fc.constantFrom('healthy', 'unhealthy', 'starting', 'stopped', 'unknown' as const),
  errors: fc.integer({ min: 0, max: 9 }),
  maxErrors: fc.integer({ min: 0, max: 5 }),
  intervalMs: fc.constantFrom(1000, 5000, 60_000),
  unit: fc.constantFrom('running', 'ended', 'busy', 'none' as const),
  systemdRestarts: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  needsDown: fc.constantFrom<readonly string[]>([], [], ['etcd@m1']),
  hindrance: fc.constantFrom(undefined, undefined, 'held'),
});

describe('whatever happens, decide', () => {
  it('restarts nothing that is well, held, waiting or without a unit, and no sooner than the back-off allows', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        let memory: KeepMemory = NEVER_RESTARTED;
        let now = 0;
        let last: { readonly at: number; readonly tries: number } | undefined;
        for (const { step, ...seen } of changes) {
          now += step;
          const decision = decide(memory, { now, ...seen });
          if (decision.restart) {
            expect(seen.state === 'unhealthy' || (seen.state === 'stopped' && ['always', 'start'].includes(seen.policy))).toBe(true);
            expect([seen.policy, seen.unit]).not.toEqual(['start', 'running']);
            expect(seen.policy).not.toBe('report');
            expect(seen.needsDown).toEqual([]);
            expect(seen.hindrance).toBeUndefined();
            expect(['running', 'ended']).toContain(seen.unit);
            if (seen.state === 'unhealthy' && seen.unit === 'running') expect(seen.errors).toBeGreaterThan(seen.maxErrors);
            if (last !== undefined && decision.memory.tries > 1) expect(now - last.at).toBeGreaterThanOrEqual(pauseAfter(last.tries));
            if (last !== undefined) expect(now - last.at).toBeGreaterThanOrEqual(FIRST_PAUSE_MS);
            last = { at: now, tries: decision.memory.tries };
            expect(decision.memory.restarts).toBe(memory.restarts + 1);
          } else expect(decision.memory.restarts).toBe(memory.restarts);
          // Every service that is in trouble and is not restarted says why, unless systemd is at it.
          const isTrouble = seen.state === 'unhealthy' && (seen.errors > seen.maxErrors || seen.unit === 'ended');
          if (isTrouble && seen.unit !== 'busy') expect(decision.restart || decision.standing !== undefined).toBe(true);
          ({ memory } = decision);
          expect(memory.crashes.length).toBeLessThanOrEqual(CRASHES);
        }
      }),
    );
  });

  it('restarts in the end what stays unhealthy, whatever was before', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        let memory: KeepMemory = NEVER_RESTARTED;
        let now = 0;
        for (const { step, ...seen } of changes) {
          now += step;
          ({ memory } = decide(memory, { now, ...seen }));
        }
        const end = now + LONGEST_PAUSE_MS + FROZEN.intervalMs * (FROZEN.maxErrors + 1);
        let restarted = false;
        for (; now <= end && !restarted; now += FROZEN.intervalMs) restarted = decide(memory, { ...FROZEN, now }).restart;
        expect(restarted).toBe(true);
      }),
    );
  });
});
