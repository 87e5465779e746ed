import { describe, expect, it } from 'vitest';
import { nextState, unknownState, type ComponentState, type Observation } from '../../src/agent/index.ts';

const EARLIER = '2025-01-01T00:00:00.000Z';
const NOW = new Date('2025-01-01T01:00:00.000Z');
const RUNNING = { active: 'active', sub: 'running', queued: false, enablement: 'enabled', path: '/x' };
const WELL = { status: 'healthy', reason: '' } as const;
const DEAD = { status: 'dead', reason: 'refused' } as const;

function state(name: ComponentState['state'], errors = 0): ComponentState {
  return { state: name, since: EARLIER, reason: '', errors };
}

function next(previous: ComponentState, seen: Omit<Observation, 'counts'>, maxErrors = 3): ComponentState {
  return nextState(previous, { counts: true, ...seen }, maxErrors, NOW);
}

describe('nextState', () => {
  it('moves "since" only when the state changes', () => {
    expect(next(state('healthy'), { health: WELL }).since).toBe(EARLIER);
    expect(next(state('starting'), { health: WELL }).since).toBe(NOW.toISOString());
  });

  it('bears as many failures as allowed, for every kind of failure, and forgets them after one success', () => {
    let current = state('healthy');
    for (const errors of [1, 2, 3]) {
      current = next(current, { health: DEAD, unit: RUNNING });
      expect(current).toEqual({ state: 'healthy', since: EARLIER, reason: 'refused', errors });
    }
    expect(next(current, { health: WELL, unit: RUNNING })).toEqual({ state: 'healthy', since: EARLIER, reason: '', errors: 0 });
    expect(next(current, { health: DEAD, unit: RUNNING })).toEqual({
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
    expect(nextState(state('starting', 2), { counts: false, health: DEAD }, 2, NOW)).toMatchObject({ state: 'starting', errors: 2 });
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

  it('goes by the unit alone where there is no health check', () => {
    expect(next(unknownState(NOW), { unit: RUNNING }).state).toBe('healthy');
    expect(next(unknownState(NOW), { unit: { ...RUNNING, active: 'failed' } }).state).toBe('unhealthy');
  });
});
