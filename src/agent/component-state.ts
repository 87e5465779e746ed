import type { HealthResult } from '../health/index.ts';
import type { UnitState } from '../host/index.ts';
import { isRunning } from './systemctl.ts';

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
  /** When the probe that decided the state began; undefined before any probe by this run of the agent. */
  readonly seen?: string | undefined;
  /** The start of the unit that the state is of, as systemd names it; another start is another state. */
  readonly invocation?: string | undefined;
}

/** One look at a component. */
export interface Observation {
  /** Not given for a definition without a health check. */
  readonly health?: HealthResult;
  /** The unit that the agent made for it; not given where it made none. */
  readonly unit?: UnitState;
  /** False for extra looks between two probes, which do not count as further errors. */
  readonly counts: boolean;
  readonly began: Date;
  /** The unit was started again while it was looked at, so the answer may be of the earlier start. */
  readonly overtaken?: boolean;
}

export function unknownState(now: Date, reason = 'not looked at yet'): ComponentState {
  return { state: 'unknown', since: now.toISOString(), reason, errors: 0 };
}

interface NextState extends Pick<ComponentState, 'state' | 'reason' | 'seen' | 'invocation'> {
  readonly errors?: number;
}

/** The state with another name and reason; `since` moves when the name does, or when another start of the unit is healthy. */
export function changeState(previous: ComponentState, next: NextState, now: Date): ComponentState {
  const same = next.state === previous.state && (next.state !== 'healthy' || next.invocation === previous.invocation);
  return {
    state: next.state,
    since: same ? previous.since : now.toISOString(),
    reason: next.reason,
    errors: next.errors ?? 0,
    ...(next.seen === undefined ? {} : { seen: next.seen }),
    ...(next.invocation === undefined ? {} : { invocation: next.invocation }),
  };
}

/**
 * The state that follows from a look. A healthy answer counts only while the component's own unit runs: otherwise some
 * other process answers on its address. Failures up to `maxErrors` in a row leave a component healthy that was healthy
 * since this start of its unit, and leave a starting one starting, for every kind of check.
 */
export function nextState(previous: ComponentState, look: Observation, maxErrors: number, now: Date): ComponentState {
  const { health, unit } = look;
  const witness = { seen: look.began.toISOString(), invocation: unit?.invocation };
  if (unit !== undefined && unit.active === 'inactive' && !unit.queued) {
    return changeState(previous, { ...witness, state: 'stopped', reason: 'the unit is not running', errors: previous.errors }, now);
  }
  // While a job is queued the old process may still answer.
  const running = unit === undefined || (isRunning(unit.active) && !unit.queued);
  if (running && look.overtaken === true) {
    const reason = 'its unit was started again while it was looked at';
    return changeState(previous, { invocation: unit?.invocation, state: 'starting', reason, errors: previous.errors }, now);
  }
  if (running && (health === undefined || health.status === 'healthy')) {
    return changeState(previous, { ...witness, state: 'healthy', reason: '' }, now);
  }
  const reason = failureReason(health, unit, running);
  const errors = previous.errors + (look.counts ? 1 : 0);
  if (errors > maxErrors || unit?.active === 'failed') {
    return changeState(previous, { ...witness, state: 'unhealthy', reason, errors }, now);
  }
  return changeState(previous, { ...witness, state: borneState(previous, unit, running), reason, errors }, now);
}

/** A failure that is borne leaves a component what it was, but healthy only in the start that was healthy. */
function borneState(previous: ComponentState, unit: UnitState | undefined, running: boolean): ComponentStateName {
  if (previous.state === 'unhealthy') return 'unhealthy';
  return previous.state === 'healthy' && running && previous.invocation === unit?.invocation ? 'healthy' : 'starting';
}

function failureReason(health: HealthResult | undefined, unit: UnitState | undefined, running: boolean): string {
  const ofUnit = unit?.queued === true ? 'waiting for systemd' : `${unit?.active ?? ''} (${unit?.sub ?? ''})`;
  return [health?.reason ?? '', running ? '' : `the unit is ${ofUnit}`].filter((part) => part !== '').join('; ');
}

/**
 * A state as it holds for the unit as it is now: healthy in an earlier start, or before the unit went down, is starting
 * until a probe says more. `unit` is not given for a component whose unit the agent did not make.
 */
export function stateForUnit(state: ComponentState, unit: UnitState | undefined, now: Date): ComponentState {
  if (state.state !== 'healthy' || unit === undefined) return state;
  if (!isRunning(unit.active)) return changeState(state, { state: 'starting', reason: `the unit is ${unit.active} (${unit.sub})` }, now);
  if (unit.invocation === state.invocation) return state;
  return changeState(
    state,
    { state: 'starting', reason: 'its unit was started again and not looked at since', invocation: unit.invocation },
    now,
  );
}
