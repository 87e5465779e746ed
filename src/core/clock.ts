/** The only source of time. Injected, so that the same inputs give the same bytes and tests do not wait. */
export interface Clock {
  now(): Date;
  /** Milliseconds that only go forward, for durations. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
};

export function fixedClock(time: number | Date): Clock {
  const moment = new Date(time);
  return { now: () => new Date(moment), monotonic: () => 0 };
}
