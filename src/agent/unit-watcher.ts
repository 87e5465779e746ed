import type { Clock } from '../core/index.ts';
import { readUnits, type Host, type UnitState } from '../host/index.ts';
import { watchedUnitOf, type ServiceDefinition } from './service-definition.ts';
import { isRunning } from './systemctl.ts';

const FRESH_MS = 900;
const ANSWER_MS = 10_000;

export interface WatchedUnit extends UnitState {
  /** ISO time when the unit became active, by the clock of this machine; undefined while it is not active. */
  readonly started: string | undefined;
}

/** The units as systemd described them, and the time of the question. Later changes are not included. */
export interface UnitsSeen {
  readonly units: ReadonlyMap<string, WatchedUnit>;
  readonly asked: Date;
}

/**
 * The unit that counts for a service. Undefined where it is not known, and where a service that is only probed has none: the
 * agent makes none for it.
 */
export function unitOf({ units }: UnitsSeen, definition: ServiceDefinition): WatchedUnit | undefined {
  const unit = units.get(watchedUnitOf(definition));
  return definition.onlyHealthCheck && unit?.load === 'not-found' ? undefined : unit;
}

/** Reads all watched units with one question to systemd, and shares the answer among probes that ask at the same time. */
export class UnitWatcher {
  readonly #host: Host;
  readonly #clock: Clock;
  /** First computed time of each unit's current start, so that every answer gives the same time for the same start. */
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

  /** Has the next read ask systemd again, because a unit is being changed. */
  expire(): void {
    this.#asked = Number.NEGATIVE_INFINITY;
  }

  /**
   * Returns states that were asked for after a moment of the clock, in milliseconds; FRESH_MS ago when none is given. When systemd
   * does not answer, returns the last known states.
   */
  async read(after = this.#clock.monotonic() - FRESH_MS): Promise<UnitsSeen> {
    if (this.#asked <= after) {
      this.#asked = this.#clock.monotonic();
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
      // systemd may fail during a daemon-reload or under load. The next read asks again.
    }
    return this.#last;
  }

  #startOf(name: string, { active, activeSince, invocation }: UnitState): string | undefined {
    if (!isRunning(active) || activeSince === undefined) return undefined;
    const known = this.#starts.get(name);
    if (known?.invocation === invocation) return known.started;
    // systemd and hrtime both count from the boot (CLOCK_MONOTONIC). The time is rounded up, so that a state that was
    // seen before the start never has a later time than the start.
    const ageMs = Number(process.hrtime.bigint() / 1000n - BigInt(activeSince)) / 1000;
    const started = new Date(Math.ceil(this.#clock.now().getTime() - ageMs)).toISOString();
    this.#starts.set(name, { invocation, started });
    return started;
  }
}
