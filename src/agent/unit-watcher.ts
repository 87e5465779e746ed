import type { Clock } from '../core/index.ts';
import type { Host } from '../host/index.ts';
import { unitStates, type UnitState } from './systemctl.ts';

const FRESH_MS = 900;
const ANSWER_MS = 10_000;

/** Asks systemd about all units at once, however many probes want to know at the same time. */
export class UnitWatcher {
  readonly #host: Host;
  readonly #clock: Clock;
  #units: readonly string[] = [];
  #asked = Number.NEGATIVE_INFINITY;
  #last: ReadonlyMap<string, UnitState> = new Map();
  #answer: Promise<ReadonlyMap<string, UnitState>> = Promise.resolve(this.#last);

  constructor(host: Host, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  watch(units: readonly string[]): void {
    this.#units = units;
    this.#asked = Number.NEGATIVE_INFINITY;
  }

  /** States at most a second old; the last known ones when systemd does not answer. */
  async read(): Promise<ReadonlyMap<string, UnitState>> {
    const now = this.#clock.monotonic();
    if (now - this.#asked >= FRESH_MS) {
      this.#asked = now;
      this.#answer = this.#ask();
    }
    return this.#answer;
  }

  async #ask(): Promise<ReadonlyMap<string, UnitState>> {
    try {
      this.#last = await unitStates(this.#host, this.#units, AbortSignal.timeout(ANSWER_MS));
    } catch {
      // A daemon-reload or a busy machine; the next look tells.
    }
    return this.#last;
  }
}
