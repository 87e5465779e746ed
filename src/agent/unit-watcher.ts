import type { Clock } from '../core/index.ts';
import { readUnits, type Host, type UnitState } from '../host/index.ts';
import { isRunning } from './systemctl.ts';

const FRESH_MS = 900;
const ANSWER_MS = 10_000;

export interface WatchedUnit extends UnitState {
  /** ISO time when the unit became active, by the clock of this machine; undefined while it is not active. */
  readonly started: string | undefined;
}

/** What systemd said, and when it was asked: what happened later is not in it. */
export interface UnitsSeen {
  readonly units: ReadonlyMap<string, WatchedUnit>;
  readonly asked: Date;
}

/** Asks systemd about all units at once, however many probes want to know at the same time. */
export class UnitWatcher {
  readonly #host: Host;
  readonly #clock: Clock;
  /** Time of each start that was seen, so that one start is told with one time. */
  readonly #starts = new Map<string, { readonly invocation: string; readonly started: string }>();
  #units: readonly string[] = [];
  #asked = Number.NEGATIVE_INFINITY;
  #last: UnitsSeen = { units: new Map(), asked: new Date(0) };
  #answer: Promise<UnitsSeen> = Promise.resolve(this.#last);

  constructor(host: Host, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  watch(units: readonly string[]): void {
    this.#units = units;
    this.#asked = Number.NEGATIVE_INFINITY;
  }

  /** States at most a second old; the last known ones when systemd does not answer. */
  async read(): Promise<UnitsSeen> {
    const now = this.#clock.monotonic();
    if (now - this.#asked >= FRESH_MS) {
      this.#asked = now;
      this.#answer = this.#ask();
    }
    return this.#answer;
  }

  async #ask(): Promise<UnitsSeen> {
    const asked = this.#clock.now();
    try {
      const states = await readUnits(this.#host, this.#units, { signal: AbortSignal.timeout(ANSWER_MS) });
      const units = new Map([...states].map(([name, state]) => [name, { ...state, started: this.#startOf(name, state) }]));
      this.#last = { units, asked };
    } catch {
      // A daemon-reload or a busy machine; the next look tells.
    }
    return this.#last;
  }

  #startOf(name: string, { active, activeSince, invocation }: UnitState): string | undefined {
    if (!isRunning(active) || activeSince === undefined) return undefined;
    const known = this.#starts.get(name);
    if (known?.invocation === invocation) return known.started;
    // systemd counts from the boot, as hrtime does (CLOCK_MONOTONIC); rounded up, so that nothing seen before it looks later.
    const ageMs = Number(process.hrtime.bigint() / 1000n - BigInt(activeSince)) / 1000;
    const started = new Date(Math.ceil(this.#clock.now().getTime() - ageMs)).toISOString();
    this.#starts.set(name, { invocation, started });
    return started;
  }
}
