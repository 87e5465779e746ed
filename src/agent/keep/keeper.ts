import type { ComponentStateName } from '../component-state.ts';
import type { OnUnhealthy } from '../service-definition.ts';
import { CALM_MS, CRASHES, pauseAfter } from './back-off.ts';

/** Restarts of one service up to now. Times are milliseconds of a clock that only goes forward. */
export interface KeepMemory {
  /** Restarts by the agent since the service is known. */
  readonly restarts: number;
  /** Restarts by the agent since the service was last healthy for CALM_MS. */
  readonly tries: number;
  /** Time of the last of these restarts. */
  readonly at?: number | undefined;
  readonly healthySince?: number | undefined;
  /** Last time at which one of its needs was down. */
  readonly waitedAt?: number | undefined;
  /** The last starts by systemd itself, at most CRASHES and none older than CALM_MS. */
  readonly crashes: readonly number[];
  /** Number of starts by systemd, as it counted at the last look. */
  readonly counted?: number | undefined;
}

export const NEVER_RESTARTED: KeepMemory = { restarts: 0, tries: 0, crashes: [] };

/** One look at a service, and everything that decides whether it is restarted. */
export interface KeepInput {
  readonly now: number;
  readonly policy: OnUnhealthy;
  readonly state: ComponentStateName;
  /** Failed probes in a row, and those that are tolerated. */
  readonly errors: number;
  readonly maxErrors: number;
  readonly intervalMs: number;
  /**
   * `running`; `ended`: it stopped, failed or was stopped; `busy`: systemd is about to start or stop it; `none`: there is no
   * unit.
   */
  readonly unit: 'running' | 'ended' | 'busy' | 'none';
  /** Starts by systemd itself, as it counts them; undefined without a unit. */
  readonly systemdRestarts?: number | undefined;
  /** COMPONENT@NODE of the needs that are down. */
  readonly needsDown: readonly string[];
  /** The reason why nothing may be restarted now, such as a run that changes the node. */
  readonly hindrance?: string | undefined;
}

/** Why a service that is not well is not being restarted at this moment. */
export type Standing =
  | { readonly word: 'waiting'; readonly for: readonly string[] }
  /** Its needs are well again; it has time to recover by itself until `next`. */
  | { readonly word: 'recovering'; readonly next: number }
  | { readonly word: 'paused'; readonly because: string }
  | { readonly word: 'backing-off'; readonly next: number }
  /** `next` is absent while systemd restarts the service, or while it is healthy for the moment. */
  | { readonly word: 'crash-loop'; readonly next?: number }
  | { readonly word: 'reported' };

export interface Decision {
  readonly memory: KeepMemory;
  readonly restart: boolean;
  readonly standing?: Standing;
}

/**
 * Decides after each look whether a service is restarted. Pure. It never restarts a service that is healthy or starting, one without
 * a unit, or any while there is a hindrance or a need is down; two restarts are at least `pauseAfter` apart; and a service
 * that stays unhealthy without such a reason is restarted again and again.
 */
export function decide(before: KeepMemory, input: KeepInput): Decision {
  const memory = remember(before, input);
  const loops = memory.crashes.length >= CRASHES || memory.tries >= CRASHES;
  const looping = loops ? { standing: { word: 'crash-loop' } as const } : {};
  if (!isTrouble(input)) return { memory, restart: false, ...looping };
  const { now, policy, unit } = input;
  if (policy === 'report' || unit === 'none' || (policy === 'start' && unit === 'running'))
    return { memory, restart: false, standing: { word: 'reported' } };
  if (input.hindrance !== undefined) return { memory, restart: false, standing: { word: 'paused', because: input.hindrance } };
  if (input.needsDown.length > 0) {
    return { memory: { ...memory, waitedAt: now }, restart: false, standing: { word: 'waiting', for: input.needsDown } };
  }
  if (unit === 'busy') return { memory, restart: false, ...looping };
  if (unit === 'ended' && policy === 'restart') return { memory, restart: false, standing: { word: 'reported' } };
  const recovers = memory.waitedAt === undefined ? now : memory.waitedAt + input.intervalMs * (input.maxErrors + 1);
  if (now < recovers) return { memory, restart: false, standing: { word: 'recovering', next: recovers } };
  const next = memory.at === undefined ? now : memory.at + pauseAfter(memory.tries);
  if (now < next) return { memory, restart: false, standing: { word: loops ? 'crash-loop' : 'backing-off', next } };
  const restarted = { restarts: memory.restarts + 1, tries: memory.tries + 1, at: now, waitedAt: undefined };
  return { memory: { ...memory, ...restarted }, restart: true };
}

/** True for a service that a restart may help: unhealthy by its probes, failed, or stopped where it must not be. */
function isTrouble({ state, errors, maxErrors, policy, unit }: KeepInput): boolean {
  if (state === 'stopped') return policy === 'always' || policy === 'start';
  return state === 'unhealthy' && (errors > maxErrors || unit !== 'running');
}

function remember(before: KeepMemory, { now, state, systemdRestarts }: KeepInput): KeepMemory {
  const healthySince = state === 'healthy' ? (before.healthySince ?? now) : undefined;
  const isCalm = healthySince !== undefined && now - healthySince >= CALM_MS;
  const added = Math.max(0, (systemdRestarts ?? 0) - (before.counted ?? systemdRestarts ?? 0));
  const crashes = [...before.crashes, ...Array.from({ length: Math.min(added, CRASHES) }, () => now)];
  return {
    ...before,
    tries: isCalm ? 0 : before.tries,
    healthySince,
    crashes: crashes.filter((at) => now - at < CALM_MS).slice(-CRASHES),
    counted: systemdRestarts ?? before.counted,
  };
}
