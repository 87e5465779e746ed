import type { Clock } from '../core/index.ts';
import { healthCheckOf, probe, type HealthCheck } from '../health/index.ts';
import type { Host } from '../host/index.ts';
import { sleep } from '../io/index.ts';
import { nextState, type ComponentState, type Observation } from './component-state.ts';
import { unitNameOf, type ServiceDefinition } from './service-definition.ts';
import type { UnitWatcher } from './unit-watcher.ts';

/**
 * Most milliseconds between two looks at a starting component. It is shorter than the usual interval, so that a command
 * that waits for the component sees soon that it is healthy.
 */
const STARTING_INTERVAL_MS = 1000;
const DEFAULT_INTERVAL_MS = 5000;

export interface ProberOptions {
  readonly definition: ServiceDefinition;
  /** True when the agent made the unit, so that the state of the unit counts. */
  readonly managed: boolean;
  readonly host: Host;
  readonly units: UnitWatcher;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  read(): ComponentState;
  write(state: ComponentState): void;
}

/** Probes one component at its interval until the signal aborts, one probe at a time. Resolves when the signal aborts. */
export async function probeForever(options: ProberOptions): Promise<void> {
  const { definition, clock, signal } = options;
  const interval = definition.health === undefined ? DEFAULT_INTERVAL_MS : definition.health.timeInterval * 1000;
  const maxErrors = definition.health?.maxErrorsNum ?? 0;
  const check = checkOf(definition);
  let counted = Number.NEGATIVE_INFINITY;
  try {
    while (!signal.aborted) {
      const look = await lookOnce(options, check);
      signal.throwIfAborted();
      const counts = clock.monotonic() - counted >= interval;
      if (counts) counted = clock.monotonic();
      const next = nextState(options.read(), { counts, ...look }, maxErrors, clock.now());
      options.write(next);
      await sleep(next.state === 'starting' ? Math.min(interval, STARTING_INTERVAL_MS) : interval, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * Probes a component once. The unit is read before and after the probe: the answer counts only when both saw the same
 * start.
 */
async function lookOnce(options: ProberOptions, check: HealthCheck | undefined): Promise<Omit<Observation, 'counts'>> {
  const { definition, managed, units, clock, host, signal } = options;
  const name = unitNameOf(definition);
  const before = managed ? (await units.read()).units.get(name) : undefined;
  const began = clock.now();
  const health = check === undefined ? {} : { health: await probe(check, { host, signal }) };
  if (!managed) return { ...health, began };
  const after = await units.read();
  const unit = after.units.get(name);
  return {
    ...health,
    ...(unit === undefined ? {} : { unit }),
    overtaken: unit?.invocation !== before?.invocation,
    // Several probes share one answer of systemd, which may be a little older than the start of this probe.
    began: after.asked < began ? after.asked : began,
  };
}

function checkOf(definition: ServiceDefinition): HealthCheck | undefined {
  if (definition.health === undefined) return undefined;
  const check = healthCheckOf(definition.health.model, definition.health.address);
  if ('mistake' in check) throw new Error(`the definition of "${definition.name}" was not checked: ${check.mistake}`);
  return check;
}
