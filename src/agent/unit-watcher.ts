import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../core/index.ts';
import { listUnits, readUnits, type Host, type UnitState } from '../host/index.ts';
import { watchedUnitOf, type ServiceDefinition } from './service-definition.ts';
import { isRunning } from './systemctl.ts';

const FRESH_MS = 900;
const ANSWER_MS = 10_000;
/** Milliseconds after which all properties are read again, also when nothing seems to have changed. */
const COMPLETE_MS = 60_000;
/** Where systemd has a link `invocation:UNIT` for each unit that is not inactive or failed. It names the unit's current start. */
const STARTS_DIRECTORY = '/run/systemd/units';

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

/** A short answer of systemd about the units, which is another one after each change of a unit that counts. */
interface Mark {
  readonly text: string;
  readonly at: number;
}

/**
 * Reads all watched units with one question to systemd, and shares the answer among probes that ask at the same time. Most
 * questions are for a list of the units, which costs a fifth of their properties, here and in systemd: the properties are read
 * when the list has changed or a unit was started.
 */
export class UnitWatcher {
  readonly #host: Host;
  readonly #clock: Clock;
  readonly #startsDirectory: string;
  /** First computed time of each unit's current start, so that every answer gives the same time for the same start. */
  readonly #starts = new Map<string, { readonly invocation: string; readonly started: string }>();
  #units: readonly string[] = [];
  #asked = Number.NEGATIVE_INFINITY;
  #last: UnitsSeen = { units: new Map(), asked: new Date(0) };
  #answer: Promise<UnitsSeen> = Promise.resolve(this.#last);
  /** The mark that was read before the properties of the last answer. */
  #mark: Mark | undefined;

  constructor(host: Host, clock: Clock, startsDirectory = STARTS_DIRECTORY) {
    this.#host = host;
    this.#clock = clock;
    this.#startsDirectory = startsDirectory;
  }

  watch(units: readonly string[]): void {
    this.#units = units;
    this.#mark = undefined;
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
    const at = this.#clock.monotonic();
    const names = this.#units;
    const signal = AbortSignal.timeout(ANSWER_MS);
    try {
      const text = await this.#readMark(names, signal);
      const known = this.#mark;
      if (text !== undefined && text === known?.text && at - known.at < COMPLETE_MS) {
        this.#last = { units: this.#last.units, asked };
        return this.#last;
      }
      const states = await readUnits(this.#host, names, { signal });
      const units = new Map([...states].map(([name, state]) => [name, { ...state, started: this.#startOf(name, state) }]));
      this.#last = { units, asked };
      if (names === this.#units) this.#mark = text === undefined ? undefined : { text, at };
    } catch {
      // systemd may fail during a daemon-reload or under load. The next read asks again.
    }
    return this.#last;
  }

  /**
   * The links to the starts of the units, and their list. Undefined where these do not tell every change: where the links do not name
   * the starts that are known, and where systemd does not list a unit that it has, such as one under an alias.
   */
  async #readMark(names: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    const { units } = this.#last;
    const running = names.filter((name) => isRunning(units.get(name)?.active ?? ''));
    const starts = new Map(names.map((name) => [name, this.#linkedStart(name)]));
    if (running.length === 0 || running.some((name) => starts.get(name) !== units.get(name)?.invocation)) return undefined;
    const list = await listUnits(this.#host, names, { signal });
    if (names.some((name) => !list.units.has(name) && units.get(name)?.load !== 'not-found')) return undefined;
    return `${[...starts.values()].join('\n')}\n${list.text}`;
  }

  /** Empty without a link. The file system is one in memory, where a call takes less time than handing it to a thread. */
  #linkedStart(unit: string): string {
    try {
      return readlinkSync(join(this.#startsDirectory, `invocation:${unit}`));
    } catch {
      return '';
    }
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
