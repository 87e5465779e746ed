import type { HealthResult } from '../health/index.ts';
import type { UnitState } from '../host/index.ts';
import { isRunning } from './systemctl.ts';

export const COMPONENT_STATES = ['healthy', 'unhealthy', 'starting', 'stopped', 'unknown'] as const;
export type ComponentStateName = (typeof COMPONENT_STATES)[number];

/** The state of a component, as the agent keeps it between probes and across its own restarts. */
export interface ComponentState {
  readonly state: ComponentStateName;
  /** ISO time when the component entered this state. */
  readonly since: string;
  /** The reason why it is not healthy, in one line. Empty when it is healthy. */
  readonly reason: string;
  /** Failed probes in a row. */
  readonly errors: number;
  /** ISO time when the probe that decided the state began; undefined before the first probe by this run of the agent. */
  readonly seen?: string | undefined;
  /** systemd's invocation id of the start of the unit that the state belongs to. A new start gets a new state. */
  readonly invocation?: string | undefined;
}

/** The result of looking at a component once. */
export interface Observation {
  /** Result of the health check; undefined for a definition without one. */
  readonly health?: HealthResult;
  /** State of the unit that the agent made for the component; undefined when the agent made none. */
  readonly unit?: UnitState;
  /** False for additional looks between two probes: their failures do not increase `errors`. */
  readonly counts: boolean;
  readonly began: Date;
  /** True when the unit was started again during the look. The answer may then come from the earlier start. */
  readonly overtaken?: boolean;
}

export function unknownState(now: Date, reason = 'not looked at yet'): ComponentState {
  return { state: 'unknown', since: now.toISOString(), reason, errors: 0 };
}

interface NextState extends Pick<ComponentState, 'state' | 'reason' | 'seen' | 'invocation'> {
  readonly errors?: number;
}

/** Returns the next state. `since` is kept unless the name of the state changes, or another start of the unit is healthy. */
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
 * Returns the state after a look at the component. A healthy answer counts only while the component's own unit runs;
 * otherwise another process answers on its address. Up to `maxErrors` failures in a row are tolerated, for every kind
 * of check: a component that was healthy since this start of its unit stays healthy, and a starting one stays starting.
 */
export function nextState(previous: ComponentState, look: Observation, maxErrors: number, now: Date): ComponentState {
  const { health, unit } = look;
  const witness = { seen: look.began.toISOString(), invocation: unit?.invocation };
  if (unit !== undefined && unit.active === 'inactive' && !unit.queued) {
    return changeState(previous, { ...witness, state: 'stopped', reason: 'the unit is not running', errors: previous.errors }, now);
  }
  // While a job is queued, the old process may still answer.
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

/**
 * Returns the state after a tolerated failure: unhealthy stays unhealthy, and healthy stays healthy while the same
 * start of the unit runs. Every other state becomes starting.
 */
function borneState(previous: ComponentState, unit: UnitState | undefined, running: boolean): ComponentStateName {
  if (previous.state === 'unhealthy') return 'unhealthy';
  return previous.state === 'healthy' && running && previous.invocation === unit?.invocation ? 'healthy' : 'starting';
}

function failureReason(health: HealthResult | undefined, unit: UnitState | undefined, running: boolean): string {
  const ofUnit = unit?.queued === true ? 'waiting for systemd' : `${unit?.active ?? ''} (${unit?.sub ?? ''})`;
  return [health?.reason ?? '', running ? '' : `the unit is ${ofUnit}`].filter((part) => part !== '').join('; ');
}

/**
 * Adapts a state to the current state of the unit. A healthy state from an earlier start, or from before the unit
 * stopped, becomes starting until the next probe. `unit` is undefined for a component whose unit the agent did not
 * make.
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
