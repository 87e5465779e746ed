import { messageOf, type Clock, type Emit } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import type { ComponentState } from '../component-state.ts';
import type { AgentConfig } from '../config.ts';
import { readHeld } from '../held.ts';
import { watchedUnitOf, type ServiceDefinition } from '../service-definition.ts';
import type { Remembered } from '../state-file.ts';
import type { ComponentStatus } from '../status.ts';
import { isRunning, restartUnits } from '../systemctl.ts';
import type { WatchedUnit } from '../unit-watcher.ts';
import { decide, NEVER_RESTARTED, type KeepInput, type KeepMemory, type Standing } from './keeper.ts';
import { downNeeds } from './needs.ts';
import { runningChange } from './run-mark.ts';

export interface ServiceKeeperOptions {
  readonly config: AgentConfig;
  readonly host: Host;
  readonly clock: Clock;
  readonly emit: Emit;
  stateOf(service: string): ComponentState | undefined;
  /** Sets or clears a problem in the status. */
  report(about: string, message: string | undefined): void;
}

/** A restart that systemd has accepted. */
export interface Restarted {
  readonly because: string;
}

interface Kept {
  readonly memory: KeepMemory;
  readonly standing?: Standing | undefined;
  /** The command by which a person restarts what the agent does not. */
  readonly remedy?: string | undefined;
  /** Why the last restart was. */
  readonly because?: string;
}

/** Restarts services that do not recover by themselves, one decision at a time for each service, and tells why one is not. */
export class ServiceKeeper {
  readonly #options: ServiceKeeperOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #busy = new Set<string>();

  constructor(options: ServiceKeeperOptions) {
    this.#options = options;
  }

  /** Takes over what an earlier run of the agent knew. After a boot only the number of restarts counts. */
  restore(kept: Remembered['kept'], sameBoot: boolean): void {
    const { clock } = this.#options;
    for (const [name, { restarts, tries, at, because }] of Object.entries(kept)) {
      const ageMs = Math.max(0, clock.now().getTime() - Date.parse(at));
      const memory = { ...NEVER_RESTARTED, restarts, at: clock.monotonic() - ageMs, tries: sameBoot ? tries : 0 };
      this.#kept.set(name, { memory, because });
    }
  }

  /** Returns the restarts that the next run of the agent must know. */
  remembered(): Remembered['kept'] {
    return Object.fromEntries(
      [...this.#kept].flatMap(([name, { memory, because }]) =>
        memory.at === undefined
          ? []
          : [[name, { restarts: memory.restarts, tries: memory.tries, at: this.#isoOf(memory.at), because: because ?? '' }]],
      ),
    );
  }

  forget(names: ReadonlySet<string>): void {
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#kept.delete(name);
  }

  /** Returns the part of a service's status that is about restarts. */
  statusOf(name: string): Pick<ComponentStatus, 'keep'> {
    const { memory, standing, because, remedy } = this.#kept.get(name) ?? { memory: NEVER_RESTARTED };
    const last = memory.at === undefined ? {} : { last: { at: this.#isoOf(memory.at), because: because ?? '' } };
    const told =
      standing === undefined
        ? {}
        : {
            standing: standing.word,
            ...(standing.word === 'waiting' ? { waitsFor: [...standing.for] } : {}),
            ...('next' in standing ? { next: this.#isoOf(standing.next) } : {}),
            ...(standing.word === 'paused' ? { because: standing.because } : {}),
            ...(standing.word === 'reported' && remedy !== undefined ? { remedy } : {}),
          };
    return { keep: { restarts: memory.restarts, ...last, ...told } };
  }

  /** Decides after a look at a service, and restarts it when that is due. Resolves to the restart, if there was one. */
  async tend(
    definition: ServiceDefinition,
    seen: ComponentState,
    unit: WatchedUnit | undefined,
    signal: AbortSignal,
  ): Promise<Restarted | undefined> {
    const { name } = definition;
    if (this.#busy.has(name)) return undefined;
    this.#busy.add(name);
    try {
      const before = this.#kept.get(name) ?? { memory: NEVER_RESTARTED };
      const reasons = await this.#reasonsAgainst(definition, seen, signal);
      signal.throwIfAborted();
      // Asking takes time: a newer look may have seen it healthy meanwhile.
      const state = this.#options.stateOf(name) ?? seen;
      const { memory, restart, standing } = decide(before.memory, { ...this.#inputOf(definition, state, unit), ...reasons });
      if (!restart) {
        const remedy = unit === undefined ? undefined : `systemctl restart ${watchedUnitOf(definition)}`;
        this.#kept.set(name, { ...before, memory, standing, remedy });
        this.#tell(name, state, before.standing, standing, remedy);
        return undefined;
      }
      const because = reasonFor(state);
      this.#kept.set(name, { memory, because });
      return await this.#restart(definition, because, memory.restarts, signal);
    } finally {
      this.#busy.delete(name);
    }
  }

  async #restart(definition: ServiceDefinition, because: string, count: number, signal: AbortSignal): Promise<Restarted | undefined> {
    const { emit, host } = this.#options;
    const unit = watchedUnitOf(definition);
    const about = `restart of ${unit}`;
    emit({ type: 'warning', message: `Restarting "${definition.name}" (${unit}, restart ${count} by the agent): ${because}` });
    try {
      await restartUnits(host, [unit], signal);
      this.#options.report(about, undefined);
      return { because };
    } catch (error) {
      signal.throwIfAborted();
      this.#options.report(about, `Cannot restart "${unit}": ${messageOf(error)}`);
      return undefined;
    }
  }

  #inputOf(
    { health }: ServiceDefinition,
    { state, errors }: ComponentState,
    unit: WatchedUnit | undefined,
  ): Omit<KeepInput, 'needsDown' | 'hindrance'> {
    return {
      now: this.#options.clock.monotonic(),
      policy: health?.onUnhealthy ?? 'restart',
      state,
      errors,
      maxErrors: health?.maxErrorsNum ?? 0,
      intervalMs: (health?.timeInterval ?? 0) * 1000,
      unit: unitWord(unit),
      systemdRestarts: unit?.restarts,
    };
  }

  /** Finds the reasons against a restart of a service that is not healthy. Asks other nodes, which takes up to a time-out. */
  async #reasonsAgainst(
    { name }: ServiceDefinition,
    { state, since, failingSince }: ComponentState,
    signal: AbortSignal,
  ): Promise<Pick<KeepInput, 'needsDown' | 'hindrance'>> {
    if (state !== 'unhealthy' && state !== 'stopped') return { needsDown: [] };
    const { config, host } = this.#options;
    const stateOf = (service: string): ComponentState | undefined => this.#options.stateOf(service);
    const needsDown = await downNeeds(config.needs[name] ?? [], Date.parse(failingSince ?? since), { host, signal, stateOf });
    return { needsDown, hindrance: await this.#hindrance(name) };
  }

  async #hindrance(name: string): Promise<string | undefined> {
    const { config, clock } = this.#options;
    try {
      if ((await readHeld(config.state)).has(name)) return 'an operator took the node down';
      const since = await runningChange(config.record, clock.now());
      return since === undefined ? undefined : `a run has been changing the node since ${since}`;
    } catch (error) {
      return `cannot tell whether it may be restarted: ${messageOf(error)}`;
    }
  }

  /** Says once why a service that is not well is not restarted. */
  #tell(name: string, state: ComponentState, before: Standing | undefined, now: Standing | undefined, remedy: string | undefined): void {
    if (now === undefined) return;
    const text = describeStanding(now);
    if (before !== undefined && text === describeStanding(before)) return;
    const reason = state.reason === '' ? '' : ` (${state.reason})`;
    const hint = now.word === 'reported' && remedy !== undefined ? { hint: remedy } : {};
    this.#options.emit({ type: 'warning', message: `"${name}" is ${state.state}${reason}: ${text}`, ...hint });
  }

  #isoOf(moment: number): string {
    const { clock } = this.#options;
    return new Date(Math.round(clock.now().getTime() + moment - clock.monotonic())).toISOString();
  }
}

function unitWord(unit: WatchedUnit | undefined): KeepInput['unit'] {
  if (unit === undefined) return 'none';
  if (unit.queued) return 'busy';
  if (isRunning(unit.active)) return 'running';
  return unit.active === 'failed' || unit.active === 'inactive' ? 'ended' : 'busy';
}

function reasonFor({ state, reason, errors, failingSince }: ComponentState): string {
  if (state === 'stopped') return 'it was stopped, and its definition has it always run';
  return failingSince === undefined ? reason : `${reason}; ${errors} failures in a row since ${failingSince}`;
}

function describeStanding(standing: Standing): string {
  switch (standing.word) {
    case 'waiting':
      return `it waits for ${standing.for.join(', ')} and is not restarted`;
    case 'recovering':
      return 'what it needs is well again; it is restarted if it does not recover';
    case 'paused':
      return `it is not restarted, because ${standing.because}`;
    case 'backing-off':
      return 'it is restarted again after a pause';
    case 'crash-loop':
      return 'it is started again and again (crash loop)';
    case 'reported':
      return 'the agent does not restart it';
  }
}
