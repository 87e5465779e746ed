import pLimit, { type LimitFunction } from 'p-limit';
import type { Step } from './step.ts';

/** Most hosts and uploads that a run works on at the same time. */
export interface Limits {
  /** Hosts that are changed at the same time. */
  readonly hosts: number;
  /** Steps with `uploads: true` that run at the same time. */
  readonly uploads: number;
}

export const DEFAULT_LIMITS: Limits = { hosts: 32, uploads: 4 };

/**
 * Decides when the work of a step starts: one change or action at a time on each host, within the limits over all hosts.
 * Waits and transfers start at once.
 */
export class Gatekeeper {
  readonly #lanes = new Map<string, LimitFunction>();
  readonly #hosts: LimitFunction;
  readonly #uploads: LimitFunction;

  constructor(limits: Limits) {
    this.#hosts = pLimit(limits.hosts);
    this.#uploads = pLimit(limits.uploads);
  }

  run<T>(step: Step, work: () => Promise<T>): Promise<T> {
    if (step.kind === 'wait' || step.kind === 'transfer') return work();
    const limited = (): Promise<T> => this.#hosts(work);
    return this.#laneOf(step.host)(() => (step.uploads === true ? this.#uploads(limited) : limited()));
  }

  #laneOf(host: string): LimitFunction {
    const lane = this.#lanes.get(host) ?? pLimit(1);
    this.#lanes.set(host, lane);
    return lane;
  }
}
