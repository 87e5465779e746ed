import type { HealthResult } from '../health/index.ts';
import type { UnitState } from './systemctl.ts';

export const COMPONENT_STATES = ['healthy', 'unhealthy', 'starting', 'stopped', 'unknown'] as const;
export type ComponentStateName = (typeof COMPONENT_STATES)[number];

/** What the agent remembers of a component between probes, and across its own restarts. */
export interface ComponentState {
  readonly state: ComponentStateName;
  /** When the component entered this state. */
  readonly since: string;
  /** Why it is not healthy, in one line; empty when it is. */
  readonly reason: string;
  /** Failed probes in a row. */
  readonly errors: number;
}

/** One look at a component. */
export interface Observation {
  /** Not given for a definition without a health check. */
  readonly health?: HealthResult;
  /** The unit that the agent made for it; not given where it made none. */
  readonly unit?: UnitState;
  /** False for extra looks between two probes, which do not count as further errors. */
  readonly counts: boolean;
}

export function unknownState(now: Date, reason = 'not looked at yet'): ComponentState {
  return { state: 'unknown', since: now.toISOString(), reason, errors: 0 };
}

/** The state with another name and reason; `since` moves only when the name does. */
export function changeState(
  previous: ComponentState,
  next: { readonly state: ComponentStateName; readonly reason: string; readonly errors?: number },
  now: Date,
): ComponentState {
  return {
    state: next.state,
    since: next.state === previous.state ? previous.since : now.toISOString(),
    reason: next.reason,
    errors: next.errors ?? 0,
  };
}

/**
 * What follows from a look. A healthy answer counts only while the component's own unit runs: else somebody else answers
 * on its address. Failures up to `maxErrors` in a row leave a healthy component healthy and a starting one starting, for
 * every kind of check.
 */
export function nextState(previous: ComponentState, seen: Observation, maxErrors: number, now: Date): ComponentState {
  const { health, unit } = seen;
  if (unit !== undefined && unit.active === 'inactive' && !unit.queued) {
    return changeState(previous, { state: 'stopped', reason: 'the unit is not running', errors: previous.errors }, now);
  }
  // While a job is queued the old process may still answer.
  const running = unit === undefined || ((unit.active === 'active' || unit.active === 'reloading') && !unit.queued);
  if (running && (health === undefined || health.status === 'healthy')) {
    return changeState(previous, { state: 'healthy', reason: '' }, now);
  }
  const reason = [
    health?.reason ?? '',
    running ? '' : `the unit is ${unit.queued ? 'waiting for systemd' : `${unit.active} (${unit.sub})`}`,
  ]
    .filter((part) => part !== '')
    .join('; ');
  const errors = previous.errors + (seen.counts ? 1 : 0);
  if (errors > maxErrors || unit?.active === 'failed') return changeState(previous, { state: 'unhealthy', reason, errors }, now);
  const borne = previous.state === 'healthy' || previous.state === 'unhealthy' ? previous.state : 'starting';
  return changeState(previous, { state: borne, reason, errors }, now);
}
