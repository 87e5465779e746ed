import { describe, expect, it } from 'vitest';
import { nextState, stateForUnit, unknownState, type ComponentState, type Observation } from '../../src/agent/index.ts';

const EARLIER = '2025-01-01T00:00:00.000Z';
const NOW = new Date('2025-01-01T01:00:00.000Z');
const BEGAN = new Date('2025-01-01T00:59:59.000Z');
/** systemd was asked a moment before the probe. */
const OLDEST = new Date(BEGAN.getTime() - 800);
const RUNNING = {
  load: 'loaded',
  active: 'active',
  sub: 'running',
  queued: false,
  enablement: 'enabled',
  path: '/x',
  needsReload: false,
  invocation: 'first',
  activeSince: 1,
  changedSince: 1,
  mainPid: 1,
  restarts: 0,
};
const RESTARTED = { ...RUNNING, invocation: 'second' };
const WELL = { status: 'healthy', reason: '' } as const;
const DEAD = { status: 'dead', reason: 'refused' } as const;

function state(name: ComponentState['state'], errors = 0): ComponentState {
  return { state: name, since: EARLIER, reason: '', errors, invocation: 'first' };
}

function next(previous: ComponentState, look: Omit<Observation, 'counts' | 'began' | 'oldest'>, maxErrors = 3): ComponentState {
  return nextState(previous, { counts: true, began: BEGAN, oldest: OLDEST, ...look }, { maxErrors }, NOW);
}

describe('nextState', () => {
  it('moves "since" only when the state changes', () => {
    expect(next(state('healthy'), { health: WELL, unit: RUNNING }).since).toBe(EARLIER);
    expect(next(state('starting'), { health: WELL, unit: RUNNING }).since).toBe(NOW.toISOString());
  });

  it('bears as many failures as allowed, for every kind of failure, and forgets them after one success', () => {
    let current = state('healthy');
    for (const errors of [1, 2, 3]) {
      current = next(current, { health: DEAD, unit: RUNNING });
      expect(current).toMatchObject({ state: 'healthy', since: EARLIER, reason: 'refused', errors });
    }
    expect(next(current, { health: WELL, unit: RUNNING })).toMatchObject({ state: 'healthy', since: EARLIER, reason: '', errors: 0 });
    expect(next(current, { health: DEAD, unit: RUNNING })).toMatchObject({
      state: 'unhealthy',
      since: NOW.toISOString(),
      reason: 'refused',
      errors: 4,
    });
  });

  it('calls a component that was never well starting, not healthy', () => {
    expect(next(unknownState(NOW), { health: DEAD, unit: RUNNING }).state).toBe('starting');
  });

  it('does not count looks between two probes', () => {
    expect(
      nextState(state('starting', 2), { counts: false, began: BEGAN, oldest: OLDEST, health: DEAD }, { maxErrors: 2 }, NOW),
    ).toMatchObject({
      state: 'starting',
      errors: 2,
    });
  });

  it('is not fooled by somebody else who answers on the address', () => {
    const failed = { ...RUNNING, active: 'failed', sub: 'failed' };
    expect(next(state('healthy'), { health: WELL, unit: failed })).toMatchObject({
      state: 'unhealthy',
      reason: 'the unit is failed (failed)',
    });
    const waiting = { ...RUNNING, active: 'activating', sub: 'auto-restart' };
    expect(next(state('healthy', 3), { health: WELL, unit: waiting }).state).toBe('unhealthy');
  });

  it('tells a stopped unit from one that waits for its start', () => {
    const inactive = { ...RUNNING, active: 'inactive', sub: 'dead' };
    expect(next(state('healthy'), { health: DEAD, unit: inactive }).state).toBe('stopped');
    expect(next(unknownState(NOW), { health: DEAD, unit: { ...inactive, queued: true } }).state).toBe('starting');
  });

  it('counts no failure in the grace of a start that was not well yet, and every one after that', () => {
    const rules = { maxErrors: 0, graceMs: 60_000 };
    const look = (previous: ComponentState, ageMs: number) =>
      nextState(previous, { counts: true, began: BEGAN, oldest: OLDEST, health: DEAD, unit: RUNNING, ageMs }, rules, NOW);
    expect(look(state('starting'), 59_999)).toMatchObject({ state: 'starting', errors: 0, reason: 'refused' });
    expect(look(state('starting'), 60_000)).toMatchObject({ state: 'unhealthy', errors: 1, failingSince: BEGAN.toISOString() });
    expect(look(state('healthy'), 1)).toMatchObject({ state: 'unhealthy', errors: 1 });
    expect(look({ ...state('healthy'), invocation: 'before' }, 1)).toMatchObject({ state: 'starting', errors: 0 });
  });

  it('counts no failure while systemd stops or starts the unit', () => {
    const stopping = { ...RUNNING, active: 'deactivating', sub: 'stop', queued: true };
    expect(next(state('healthy', 3), { health: DEAD, unit: stopping })).toMatchObject({ state: 'starting', errors: 3 });
  });

  it('keeps the begin of a row of failures, and forgets it with the first success', () => {
    const first = next(state('healthy'), { health: DEAD, unit: RUNNING });
    const second = nextState(first, { counts: true, began: NOW, oldest: NOW, health: DEAD, unit: RUNNING }, { maxErrors: 3 }, NOW);
    expect(second).toMatchObject({ errors: 2, failingSince: BEGAN.toISOString() });
    expect(next(second, { health: WELL, unit: RUNNING }).failingSince).toBeUndefined();
  });

  it.each([
    ['always', 'stopped'],
    ['on-failure', 'stopped'],
    ['on-abnormal', 'unhealthy'],
    ['no', 'unhealthy'],
    [undefined, 'unhealthy'],
  ] as const)('takes a failed unit with Restart=%s for %s', (restartPolicy, expected) => {
    const unit = { ...RUNNING, active: 'failed', sub: 'failed' };
    const look = { counts: true, began: BEGAN, oldest: OLDEST, health: DEAD, unit };
    expect(nextState(state('healthy'), look, { maxErrors: 3, restartPolicy }, NOW).state).toBe(expected);
  });

  it('goes by the unit alone where there is no health check', () => {
    expect(next(unknownState(NOW), { unit: RUNNING }).state).toBe('healthy');
    expect(next(unknownState(NOW), { unit: { ...RUNNING, active: 'failed' } }).state).toBe('unhealthy');
  });

  it('tells since when everything was asked for that decided the state', () => {
    expect(next(state('healthy'), { health: WELL, unit: RUNNING }).seen).toBe(OLDEST.toISOString());
    expect(next(state('healthy'), { health: DEAD, unit: { ...RUNNING, active: 'failed' } }).seen).toBe(OLDEST.toISOString());
  });

  it('moves "since" when another start of the unit is healthy', () => {
    expect(next(state('healthy'), { health: WELL, unit: RESTARTED })).toMatchObject({ state: 'healthy', since: NOW.toISOString() });
  });

  it('bears no failure of a start that was never healthy, nor of a unit that is down', () => {
    expect(next(state('healthy'), { health: DEAD, unit: RESTARTED })).toMatchObject({ state: 'starting', errors: 1 });
    expect(next(state('healthy'), { health: DEAD, unit: { ...RUNNING, active: 'activating', sub: 'auto-restart' } }).state).toBe(
      'starting',
    );
  });

  it('does not take the answer of an earlier start for one of the present start', () => {
    const current = next(state('healthy'), { health: WELL, unit: RESTARTED, overtaken: true });
    expect(current).toMatchObject({ state: 'starting', since: NOW.toISOString() });
    expect(current.seen).toBeUndefined();
  });
});

describe('stateForUnit', () => {
  it('lets a healthy state stand for the start that it is of', () => {
    expect(stateForUnit(state('healthy'), RUNNING, NOW)).toEqual(state('healthy'));
    expect(stateForUnit(state('healthy'), undefined, NOW)).toEqual(state('healthy'));
  });

  it.each([
    ['was started again', RESTARTED],
    ['is down', { ...RUNNING, active: 'activating', sub: 'auto-restart' }],
  ])('calls a component starting whose unit %s since it was healthy', (_, unit) => {
    expect(stateForUnit({ ...state('healthy'), seen: EARLIER }, unit, NOW)).toMatchObject({ state: 'starting', since: NOW.toISOString() });
    expect(stateForUnit({ ...state('healthy'), seen: EARLIER }, unit, NOW).seen).toBeUndefined();
  });
});
