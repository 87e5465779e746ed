/** Milliseconds over which the rate is the average. */
const WINDOW_MS = 15_000;
/** Milliseconds that must have passed before a rate means anything. */
const LEAST_MS = 1_000;

interface Sample {
  readonly at: number;
  readonly done: number;
}

/** How fast a task goes on: the average of its last 15 seconds. Times are milliseconds of one monotonic clock. */
export class Pace {
  readonly #samples: Sample[];

  constructor(at: number, done = 0) {
    this.#samples = [{ at, done }];
  }

  add(at: number, done: number): void {
    this.#samples.push({ at, done });
    // One sample from before the window stays, so that the samples cover all of it.
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) >= WINDOW_MS) this.#samples.shift();
  }

  /** Amount per second at this time; undefined in the first second and while nothing moves. */
  perSecond(now: number): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.done <= first.done || now - first.at < LEAST_MS) return undefined;
    return ((last.done - first.done) / (now - first.at)) * 1000;
  }

  /** Milliseconds until the total is reached at this pace; undefined while there is none. */
  left(now: number, total: number): number | undefined {
    const rate = this.perSecond(now);
    const done = this.#samples.at(-1)?.done ?? 0;
    return rate === undefined ? undefined : (Math.max(0, total - done) / rate) * 1000;
  }
}
