import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { messageOf, silent, type Clock, type Emit } from '../core/index.ts';
import type { Host } from '../host/index.ts';
import { sleep } from '../io/index.ts';
import { changeState, stateForUnit, unknownState, type ComponentState } from './component-state.ts';
import type { AgentConfig } from './config.ts';
import { definitionDigest, definitionsDigest, loadDefinitions, type LoadedDefinitions } from './definition-files.ts';
import { readHeld } from './held.ts';
import { ServiceKeeper } from './keep/service-keeper.ts';
import { NodeMeasures, type Measures } from './measures/node-measures.ts';
import { probeForever } from './prober.ts';
import { reconcile, type Reconciled } from './reconcile.ts';
import { hasUnit, watchedUnitOf, type ServiceDefinition } from './service-definition.ts';
import { NOTHING_REMEMBERED, readState, STATE_FILE, writeState, type Remembered } from './state-file.ts';
import type { AgentProblem, AgentStatus, ComponentStatus } from './status.ts';
import { unitOf, UnitWatcher, type WatchedUnit } from './unit-watcher.ts';

/** Milliseconds between two looks at the directory of definitions. */
const LOOK_MS = 2000;
/** Milliseconds until a change that systemd refused is tried again. */
const RETRY_MS = 30_000;
/** Milliseconds from a change of state to writing the state file. States change in bursts, so one write covers a burst. */
const SAVE_DELAY_MS = 1000;

export interface AgentOptions {
  readonly config: AgentConfig;
  /** The machine that the agent runs on. */
  readonly host: Host;
  readonly clock: Clock;
  readonly version: string;
  /** Id of the current boot of the machine. States that were saved during another boot are dropped. */
  readonly bootId: string;
  readonly emit?: Emit;
}

interface Prober {
  readonly definition: ServiceDefinition;
  readonly managed: boolean;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/**
 * Keeps the services of one node as their definitions say. The work starts with `run` and ends when its signal aborts;
 * services keep running after that.
 */
export class NodeAgent {
  readonly #options: AgentOptions;
  readonly #emit: Emit;
  readonly #units: UnitWatcher;
  readonly #keeper: ServiceKeeper;
  readonly #measures: NodeMeasures;
  readonly #probers = new Map<string, Prober>();
  readonly #statePath: string;
  #states = new Map<string, ComponentState>();
  #definitions: readonly ServiceDefinition[] = [];
  #managed: ReadonlySet<string> = new Set();
  /** Names of the services that an operator stopped. */
  #held: ReadonlySet<string> = new Set();
  /** Digest of the definition file of each service whose definition is applied, by name of the service. */
  #digests: ReadonlyMap<string, string> = new Map();
  #remembered: Remembered = NOTHING_REMEMBERED;
  /** True while definitions are applied, which may restart units. */
  #applying = false;
  #problems: readonly AgentProblem[] = [];
  readonly #lastingProblems = new Map<string, AgentProblem>();
  #waiting: (() => void)[] = [];
  #wake = new AbortController();
  #saveTimer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  readonly #applied: Promise<void>;
  #markApplied: () => void = () => {};

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#emit = options.emit ?? silent;
    this.#units = new UnitWatcher(options.host, options.clock);
    this.#keeper = new ServiceKeeper({
      ...options,
      emit: this.#emit,
      stateOf: (name) => this.#states.get(name),
      report: (about, message) => this.report(about, message),
    });
    const { certificates, directories } = options.config;
    this.#measures = new NodeMeasures({ certificates, directories, report: (about, message) => this.report(about, message) });
    this.#statePath = join(options.config.state, STATE_FILE);
    this.#applied = new Promise((resolve) => {
      this.#markApplied = resolve;
    });
  }

  /** Works until the signal aborts. Problems appear in the status; rejects only for a bug. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#remember();
    const measuring = this.#measures.run(signal);
    try {
      await this.#keep(signal);
    } finally {
      await Promise.all([...this.#probers.keys()].map((name) => this.#endProber(name)));
      for (const resolve of this.#waiting) resolve();
      this.#markApplied();
      await this.#save();
    }
    await measuring;
  }

  /** Certificates and file systems of the node, as they were within the last minutes. Empty before the first look. */
  measures(): Measures {
    return this.#measures.last;
  }

  /** Reads the definitions again at once. Resolves when they are applied; problems appear in the status. */
  async reload(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#wake.abort();
    });
  }

  /** Sets a problem that stays in the status until it is cleared with undefined, such as a listener that cannot listen. */
  report(about: string, message: string | undefined): void {
    if (message === undefined) this.#lastingProblems.delete(about);
    else this.#lastingProblems.set(about, { about, message });
  }

  /**
   * Returns the status of the node. Before the first answer it waits until the definitions have been read and applied
   * once.
   */
  async status(): Promise<AgentStatus> {
    const { config, clock, version } = this.#options;
    await this.#applied;
    const seen = await this.#units.read();
    const components = this.#definitions.map((definition) => this.#componentStatus(definition, unitOf(seen, definition)));
    const { name, address, uuid, roles } = config.node;
    const problems = [...this.#problems, ...this.#lastingProblems.values()];
    return { node: { name, address, uuid }, roles: [...roles], version, time: clock.now().toISOString(), components, problems };
  }

  #componentStatus(one: ServiceDefinition, unit: WatchedUnit | undefined): ComponentStatus {
    const { name } = one;
    const now = this.#options.clock.now();
    const known = this.#states.get(name) ?? unknownState(now);
    const current = stateForUnit(known, one.onlyHealthCheck || this.#managed.has(name) ? unit : undefined, now);
    if (current !== known) this.#setState(name, current);
    const { invocation: _internal, ...state } = current;
    const definition = this.#digests.get(name);
    return { name, ...state, ...this.#keeper.statusOf(name), ...(definition === undefined ? {} : { definition }), ...unitStatus(unit) };
  }

  async #remember(): Promise<void> {
    try {
      this.#remembered = (await readState(this.#statePath)) ?? NOTHING_REMEMBERED;
    } catch (error) {
      this.#emit({ type: 'warning', message: `Cannot read "${this.#statePath}", starting without it: ${messageOf(error)}` });
    }
    const { bootId, clock } = this.#options;
    const stale = this.#remembered.boot !== bootId;
    const forgotten = unknownState(clock.now(), 'not looked at since the machine was started');
    this.#states = new Map(Object.entries(this.#remembered.components).map(([name, state]) => [name, stale ? forgotten : state]));
    this.#keeper.restore(this.#remembered.kept, !stale);
    this.#remembered = { ...this.#remembered, boot: bootId };
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { config, clock } = this.#options;
    let digest: string | undefined;
    let retryAt = Number.POSITIVE_INFINITY;
    while (!signal.aborted) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const now = await definitionsDigest(config.definitions);
      if (now !== digest || waiting.length > 0 || clock.monotonic() >= retryAt) {
        digest = now;
        this.#applying = true;
        const refused = await this.#apply(signal).finally(() => {
          this.#applying = false;
        });
        this.#markApplied();
        retryAt = refused ? clock.monotonic() + RETRY_MS : Number.POSITIVE_INFINITY;
      }
      for (const resolve of waiting) resolve();
      await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    if (this.#waiting.length > 0) return;
    try {
      await sleep(LOOK_MS, AbortSignal.any([signal, this.#wake.signal]));
    } catch (error) {
      if (!signal.aborted && !this.#wake.signal.aborted) throw error;
    }
  }

  /** Reads and applies the definitions. Resolves to true when something failed and must be tried again later. */
  async #apply(signal: AbortSignal): Promise<boolean> {
    const { config, host } = this.#options;
    const found = await loadDefinitions(config.definitions, this.#remembered);
    await this.#readHeld();
    const isHeld = ({ name }: ServiceDefinition): boolean => this.#held.has(name);
    const loaded = { ...found, definitions: found.definitions.map((one) => (isHeld(one) ? { ...one, disable: true } : one)) };
    let result: Reconciled;
    try {
      result = await reconcile({
        host,
        directory: config.units,
        definitions: loaded.definitions,
        values: { ...config.values, NODE_UUID: [config.node.uuid] },
        applied: this.#remembered.applied,
        signal,
      });
    } catch (error) {
      if (signal.aborted) return false;
      this.#setProblems([...loaded.problems, { about: 'systemd', message: messageOf(error) }]);
      return true;
    }
    this.#setProblems([...loaded.problems, ...result.problems]);
    this.#remembered = { ...this.#remembered, applied: result.applied, accepted: loaded.accepted, owners: loaded.owners };
    this.#definitions = loaded.definitions;
    this.#managed = new Set(result.managed);
    this.#digests = digestsOf(loaded, result);
    this.#units.watch(loaded.definitions.map(watchedUnitOf));
    for (const name of result.removed) this.#emit({ type: 'note', message: `Retired "${name}"` });
    await this.#watch(loaded.definitions, result);
    await this.#save();
    return result.problems.length > 0;
  }

  /** A list that cannot be read leaves the services as they are: none of them is started for that. */
  async #readHeld(): Promise<void> {
    const { state } = this.#options.config;
    try {
      this.#held = await readHeld(state);
      this.report('held services', undefined);
    } catch (error) {
      this.report('held services', `Cannot read which services an operator stopped: ${messageOf(error)}`);
    }
  }

  /** Gives each definition its own prober. A prober whose definition did not change goes on without a break. */
  async #watch(definitions: readonly ServiceDefinition[], result: Reconciled): Promise<void> {
    const { clock } = this.#options;
    const names = new Set(definitions.map((definition) => definition.name));
    await Promise.all([...this.#probers.keys()].filter((name) => !names.has(name)).map((name) => this.#endProber(name)));
    for (const name of [...this.#states.keys()].filter((known) => !names.has(known))) this.#states.delete(name);
    this.#keeper.forget(names);
    for (const definition of definitions) {
      const { name } = definition;
      const managed = result.managed.includes(name);
      const changed = result.changed.includes(name);
      const prober = this.#probers.get(name);
      const same = prober !== undefined && prober.managed === managed && isDeepStrictEqual(prober.definition, definition);
      if (same && !changed) continue;
      // A running probe would report on the unit before the change.
      await this.#endProber(name);
      // `seen` and failures must come from probes of this definition, not of the one before it.
      const { seen: _seen, failingSince: _failing, ...previous } = this.#states.get(name) ?? unknownState(clock.now());
      this.#setState(name, previous);
      if (changed) this.#setState(name, changeState(previous, { state: 'starting', reason: 'started with a new unit' }, clock.now()));
      if (definition.disable) {
        const reason = this.#held.has(name) ? 'an operator took the node down' : 'disabled in its definition';
        this.#setState(name, changeState(previous, { state: 'stopped', reason }, clock.now()));
      } else if (!managed && !definition.onlyHealthCheck) {
        this.#setState(name, changeState(previous, { state: 'unknown', reason: 'its unit could not be written' }, clock.now()));
      } else this.#startProber(definition, managed);
    }
  }

  #startProber(definition: ServiceDefinition, managed: boolean): void {
    const { host, clock } = this.#options;
    const abort = new AbortController();
    const { name } = definition;
    const ended = probeForever({
      definition,
      host,
      units: this.#units,
      clock,
      signal: abort.signal,
      read: () => this.#states.get(name) ?? unknownState(clock.now()),
      write: (state, unit) => {
        this.#setState(name, state);
        void this.#tend(definition, state, unit, abort.signal);
      },
    }).catch((error: unknown) => this.#setState(name, unknownState(clock.now(), `probing failed: ${messageOf(error)}`)));
    this.#probers.set(name, { definition, managed, abort, ended });
  }

  /** Never rejects: a failed decision becomes a warning, and the next look decides again. */
  async #tend(definition: ServiceDefinition, seen: ComponentState, unit: WatchedUnit | undefined, signal: AbortSignal): Promise<void> {
    const { name } = definition;
    if (this.#applying) return;
    try {
      const restarted = await this.#keeper.tend(definition, seen, unit, signal);
      if (restarted === undefined) return;
      this.#units.expire();
      const reason = `restarted by the agent: ${restarted.because}`;
      const previous = this.#states.get(name) ?? seen;
      this.#setState(name, changeState(previous, { state: 'starting', reason, invocation: seen.invocation }, this.#options.clock.now()));
      this.#saveSoon();
    } catch (error) {
      if (!signal.aborted) this.#emit({ type: 'warning', message: `Cannot decide about a restart of "${name}": ${messageOf(error)}` });
    }
  }

  async #endProber(name: string): Promise<void> {
    const prober = this.#probers.get(name);
    if (prober === undefined) return;
    this.#probers.delete(name);
    prober.abort.abort();
    await prober.ended;
  }

  #setState(name: string, state: ComponentState): void {
    const previous = this.#states.get(name);
    this.#states.set(name, state);
    if (previous?.state !== state.state) {
      const reason = state.reason === '' ? '' : `: ${state.reason}`;
      this.#emit({ type: 'note', message: `"${name}" is ${state.state}${reason}` });
    }
    if (previous?.since !== state.since || previous.reason !== state.reason) this.#saveSoon();
  }

  #setProblems(problems: readonly AgentProblem[]): void {
    const known = new Set(this.#problems.map((problem) => problem.message));
    for (const { message } of problems) if (!known.has(message)) this.#emit({ type: 'warning', message });
    this.#problems = problems;
  }

  #saveSoon(): void {
    this.#saveTimer ??= setTimeout(() => void this.#save(), SAVE_DELAY_MS);
  }

  /**
   * Writes the state file after all earlier writes have ended, with the states of that moment. Never rejects: a failed
   * write, such as on a full disk, becomes a problem in the status.
   */
  async #save(): Promise<void> {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    const before = this.#saving;
    this.#saving = this.#saveAfter(before);
    await this.#saving;
  }

  async #saveAfter(before: Promise<void>): Promise<void> {
    await before;
    this.#remembered = { ...this.#remembered, components: Object.fromEntries(this.#states), kept: this.#keeper.remembered() };
    try {
      await writeState(this.#statePath, this.#remembered);
      this.report(this.#statePath, undefined);
    } catch (error) {
      this.report(this.#statePath, `Cannot write "${this.#statePath}": ${messageOf(error)}`);
    }
  }
}

function digestsOf(loaded: LoadedDefinitions, result: Reconciled): ReadonlyMap<string, string> {
  const current = new Set(result.current);
  const applied = loaded.definitions.filter((definition) => !hasUnit(definition) || current.has(definition.name));
  return new Map(applied.map(({ name }) => [name, definitionDigest(loaded.accepted[loaded.owners[name] ?? ''] ?? '')]));
}

function unitStatus(unit: WatchedUnit | undefined): Pick<ComponentStatus, 'unit'> {
  if (unit === undefined || unit.path === '') return {};
  const { active, sub, started, restarts } = unit;
  return { unit: { active, sub, ...(started === undefined ? {} : { started }), restarts } };
}
