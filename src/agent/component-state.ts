import type { HealthResult } from '../health/index.ts';
import type { UnitState } from '../host/index.ts';
import type { RestartPolicy } from './service-definition.ts';
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
  /** Failed probes in a row that count. */
  readonly errors: number;
  /** ISO time when the first of these probes began. Absent without a failure. */
  readonly failingSince?: string | undefined;
  /** ISO time when the probe that decided the state began; undefined before the first probe by this run of the agent. */
  readonly seen?: string | undefined;
  /** systemd's invocation id of the start of the unit that the state belongs to. A new start gets a new state. */
  readonly invocation?: string | undefined;
}

/** The result of looking at a component once. */
export interface Observation {
  /** Result of the health check; undefined for a definition without one. */
  readonly health?: HealthResult;
  /** State of the unit of the component; undefined when it has none. */
  readonly unit?: UnitState;
  /** Milliseconds from the start of the unit to the begin of the look; undefined when the unit does not run. */
  readonly ageMs?: number | undefined;
  /** False for additional looks between two probes: their failures do not increase `errors`. */
  readonly counts: boolean;
  /** When the probe began. */
  readonly began: Date;
  /** When the oldest part of the answer was asked for: several probes share what systemd said, shortly before they began. */
  readonly oldest: Date;
  /** True when the unit was started again during the look. The answer may then come from the earlier start. */
  readonly overtaken?: boolean;
}

/** The part of a definition that decides between states. */
export interface StateRules {
  /** Failures in a row that are tolerated. */
  readonly maxErrors: number;
  /** Milliseconds after a start in which failures do not count, until the first healthy answer; 0 by default. */
  readonly graceMs?: number;
  readonly restartPolicy?: RestartPolicy | undefined;
}

export function unknownState(now: Date, reason = 'not looked at yet'): ComponentState {
  return { state: 'unknown', since: now.toISOString(), reason, errors: 0 };
}

interface NextState extends Pick<ComponentState, 'state' | 'reason' | 'seen' | 'invocation' | 'failingSince'> {
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
    ...(next.failingSince === undefined ? {} : { failingSince: next.failingSince }),
    ...(next.seen === undefined ? {} : { seen: next.seen }),
    ...(next.invocation === undefined ? {} : { invocation: next.invocation }),
  };
}

/**
 * Returns the state after a look at the component. A healthy answer counts only while the component's own unit runs;
 * otherwise another process answers on its address. Up to `maxErrors` failures in a row are tolerated, for every kind
 * of check: a component that was healthy since this start of its unit stays healthy, and a starting one stays starting.
 * While systemd stops or starts the unit, and in the grace of a start that was not healthy yet, failures do not count.
 */
export function nextState(previous: ComponentState, look: Observation, rules: StateRules, now: Date): ComponentState {
  const { health, unit } = look;
  const witness = { seen: look.oldest.toISOString(), invocation: unit?.invocation };
  const { errors: before, failingSince } = previous;
  if (isStopped(unit, rules.restartPolicy)) {
    return changeState(previous, { ...witness, state: 'stopped', reason: 'the unit is not running', errors: before, failingSince }, now);
  }
  // While a job is queued, the old process may still answer.
  const running = unit === undefined || (isRunning(unit.active) && !unit.queued);
  if (running && look.overtaken === true) {
    const reason = 'its unit was started again while it was looked at';
    const { errors, failingSince: since } = previous;
    return changeState(previous, { invocation: unit?.invocation, state: 'starting', reason, errors, failingSince: since }, now);
  }
  if (running && (health === undefined || health.status === 'healthy')) {
    return changeState(previous, { ...witness, state: 'healthy', reason: '' }, now);
  }
  const reason = failureReason(health, unit, running);
  const counts = look.counts && unit?.queued !== true && !isInGrace(previous, look, rules);
  const errors = before + (counts ? 1 : 0);
  const failing = errors === 0 ? {} : { failingSince: failingSince ?? look.began.toISOString() };
  if (errors > rules.maxErrors || unit?.active === 'failed') {
    return changeState(previous, { ...witness, ...failing, state: 'unhealthy', reason, errors }, now);
  }
  return changeState(previous, { ...witness, ...failing, state: borneState(previous, unit, running), reason, errors }, now);
}

/** Policies by which systemd starts a unit again after every failure. */
const NEVER_LEFT_FAILED: readonly (RestartPolicy | undefined)[] = ['always', 'on-failure'];

/**
 * True for a unit that does not run and that systemd does not start again. A program that ends with an error when it is told
 * to stop leaves its unit `failed`; under these policies nothing else does.
 */
export function isStopped(unit: UnitState | undefined, restartPolicy: RestartPolicy | undefined): boolean {
  if (unit === undefined || unit.queued) return false;
  return unit.active === 'inactive' || (unit.active === 'failed' && NEVER_LEFT_FAILED.includes(restartPolicy));
}

function isInGrace(previous: ComponentState, { unit, ageMs }: Observation, { graceMs = 0 }: StateRules): boolean {
  if (unit === undefined || ageMs === undefined || ageMs >= graceMs) return false;
  return previous.state !== 'healthy' || previous.invocation !== unit.invocation;
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
