import type { Host } from '../host/index.ts';
import { describeCheck, type HealthCheck } from './check.ts';
import { probe } from './probe.ts';

/** What a look at a condition found. `detail` says how far it is, in one line; a new detail counts as progress. */
export interface ConditionState {
  readonly met: boolean;
  readonly detail: string;
}

/** Something to wait for, which describes itself: "etcd on m1 is healthy". */
export interface Condition {
  readonly description: string;
  look(signal: AbortSignal): Promise<ConditionState>;
}

/** The condition that a check is healthy. */
export function healthy(what: string, check: HealthCheck, host: Host): Condition {
  return {
    description: `${what} is healthy (${describeCheck(check)})`,
    look: async (signal) => {
      const result = await probe(check, { host, signal });
      return { met: result.status === 'healthy', detail: result.reason };
    },
  };
}

/** The condition that all of a list are met; the detail names those that are not. */
export function allOf(description: string, conditions: readonly Condition[]): Condition {
  return {
    description,
    look: async (signal) => {
      const states = await Promise.all(conditions.map((condition) => condition.look(signal)));
      const open = conditions.flatMap((condition, index) => {
        const state = states[index];
        return state === undefined || state.met ? [] : [`${condition.description}: ${state.detail}`];
      });
      return { met: open.length === 0, detail: open.join('; ') };
    },
  };
}
