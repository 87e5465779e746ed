import type { Clock } from '../core/index.ts';
import { healthCheckOf, probe, type HealthCheck } from '../health/index.ts';
import type { Host } from '../host/index.ts';
import { sleep } from '../io/index.ts';
import { nextState, type ComponentState, type Observation, type StateRules } from './component-state.ts';
import type { ServiceDefinition } from './service-definition.ts';
import { unitOf, type UnitWatcher, type WatchedUnit } from './unit-watcher.ts';

/**
 * Most milliseconds between two looks at a starting component. It is shorter than the usual interval, so that a command
 * that waits for the component sees soon that it is healthy.
 */
const STARTING_INTERVAL_MS = 1000;
const DEFAULT_INTERVAL_MS = 5000;

export interface ProberOptions {
  readonly definition: ServiceDefinition;
  readonly host: Host;
  readonly units: UnitWatcher;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Waits for a number of milliseconds; sleep by default. */
  readonly wait?: typeof sleep;
  read(): ComponentState;
  /** Gets the state after each look, and the unit as the look saw it. */
  write(state: ComponentState, unit: WatchedUnit | undefined): void;
}

interface Look extends Omit<Observation, 'counts'> {
  readonly unit?: WatchedUnit;
}

/**
 * Probes one component until the signal aborts. A probe begins every interval, also while earlier ones have no answer yet: so
 * a component that answers no more has failed `n` probes after `n` intervals and one time-out at the latest. Probes begin at
 * multiples of the interval by the clock: so those of all components of a node begin together, and one question to systemd
 * answers all of them. A look at once comes before the first probe; like those at a starting component, it is no probe that a
 * component fails. Resolves when the signal aborts.
 */
export async function probeForever(options: ProberOptions): Promise<void> {
  const { definition, clock, signal, wait = sleep } = options;
  const interval = definition.health === undefined ? DEFAULT_INTERVAL_MS : definition.health.timeInterval * 1000;
  const looks = new Looks(options);
  try {
    looks.begin(false);
    let next = nextMultiple(clock.monotonic(), interval);
    while (!signal.aborted) {
      const now = clock.monotonic();
      if (now >= next) {
        // A machine that slept has not missed probes.
        next = nextMultiple(now, interval);
        looks.begin(true);
      } else if (options.read().state === 'starting' && looks.isIdle) looks.begin(false);
      await wait(Math.min(next, nextMultiple(now, STARTING_INTERVAL_MS)) - now, signal);
      looks.throwIfFailed();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await looks.end();
  }
}

/** The first multiple of a step after a moment. */
function nextMultiple(moment: number, step: number): number {
  return (Math.floor(moment / step) + 1) * step;
}

/** Looks under way, and the order of their answers. */
class Looks {
  readonly #options: ProberOptions;
  readonly #check: HealthCheck | undefined;
  readonly #rules: StateRules;
  readonly #running = new Map<Promise<void>, AbortController>();
  #failure: { readonly error: unknown } | undefined;
  /** Begin of the newest look that had an answer, and of the newest with a healthy one. */
  #newest = Number.NEGATIVE_INFINITY;
  #newestHealthy = Number.NEGATIVE_INFINITY;

  constructor(options: ProberOptions) {
    const { health, restartPolicy } = options.definition;
    this.#options = options;
    this.#check = checkOf(options.definition);
    this.#rules = { maxErrors: health?.maxErrorsNum ?? 0, graceMs: (health?.grace ?? 0) * 1000, restartPolicy };
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  begin(counts: boolean): void {
    const began = this.#options.clock.monotonic();
    // A signal of its own: looks under way can be many, and each listens to its signal.
    const abort = new AbortController();
    const look = lookOnce({ ...this.#options, signal: abort.signal }, this.#check)
      .then((seen) => this.#take(seen, began, counts))
      .catch((error: unknown) => {
        if (!this.#options.signal.aborted) this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(look));
    this.#running.set(look, abort);
  }

  /** Throws for a bug in a look. */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends the looks under way, without an answer. */
  async end(): Promise<void> {
    for (const abort of this.#running.values()) abort.abort();
    await Promise.all(this.#running.keys());
  }

  /** Answers may overtake each other. A healthy one counts when it is the newest; a failure, when none after it was healthy. */
  #take(seen: Look, began: number, counts: boolean): void {
    const options = this.#options;
    if (options.signal.aborted) return;
    const isHealthy = seen.health === undefined || seen.health.status === 'healthy';
    if (began < (isHealthy ? this.#newest : this.#newestHealthy)) return;
    this.#newest = Math.max(this.#newest, began);
    if (isHealthy) this.#newestHealthy = began;
    options.write(nextState(options.read(), { counts, ...seen }, this.#rules, options.clock.now()), seen.unit);
  }
}

/**
 * Probes a component once. The unit is read before and after the probe: the answer counts only when both saw the same
 * start. After a failure systemd is asked anew, since the program may have been stopped meanwhile.
 */
async function lookOnce(options: ProberOptions, check: HealthCheck | undefined): Promise<Look> {
  const { definition, units, clock, host, signal } = options;
  const before = unitOf(await units.read(), definition);
  const began = clock.now();
  const health = check === undefined ? undefined : await probe(check, { host, signal });
  const isWell = health === undefined || health.status === 'healthy';
  const after = await units.read(isWell ? undefined : clock.monotonic());
  const unit = unitOf(after, definition);
  return {
    ...(health === undefined ? {} : { health }),
    ...(unit === undefined ? {} : { unit }),
    overtaken: unit?.invocation !== before?.invocation,
    ageMs: unit?.started === undefined ? undefined : began.getTime() - Date.parse(unit.started),
    began,
    oldest: after.asked < began ? after.asked : began,
  };
}

function checkOf(definition: ServiceDefinition): HealthCheck | undefined {
  if (definition.health === undefined) return undefined;
  const { model, address, timeout, status, certificates, socket } = definition.health;
  const timeoutMs = timeout === undefined ? undefined : timeout * 1000;
  const check = healthCheckOf(model, address, { timeoutMs, status, certificates, socket });
  if ('mistake' in check) throw new Error(`the definition of "${definition.name}" was not checked: ${check.mistake}`);
  return check;
}
