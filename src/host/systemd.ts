import { CaissonError } from '../core/index.ts';
import type { Command } from './command.ts';
import type { Host } from './host.ts';
import { runChecked } from './run-checked.ts';

interface Options {
  readonly signal?: AbortSignal;
}

/** State of a unit, from its properties (org.freedesktop.systemd1(5)). */
export interface UnitState {
  /** `loaded`, `masked`, `error` …; `not-found` for a unit that systemd does not know. */
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** UnitFileState: `enabled`, `disabled`, `static` …; empty for a unit without a file. */
  readonly enablement: string;
  /** FragmentPath: the file that the unit was read from; empty for a unit without a file. */
  readonly path: string;
  /** True when the unit file changed after systemd read it, so that a daemon-reload is necessary. */
  readonly needsReload: boolean;
  /** True while a job (start, stop, restart) waits or runs. */
  readonly queued: boolean;
  /** Id of the last start, different for every start; empty for a unit that was not started since the machine booted. */
  readonly invocation: string;
  /** Microseconds from boot to the last start; undefined for a unit that was not started. Kept after a stop. */
  readonly activeSince: number | undefined;
  /** Microseconds from boot to the last change of state, reloads included; undefined for a unit that never ran. */
  readonly changedSince: number | undefined;
  /** Process id of a service; 0 when it has none. */
  readonly mainPid: number;
  /** Number of restarts by systemd itself. */
  readonly restarts: number;
}

/**
 * Properties that systemd 235 and later have. Times are read as monotonic ones, because `--timestamp=unix` needs
 * systemd 251.
 */
const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'FragmentPath',
  'NeedDaemonReload',
  'Job',
  'InvocationID',
  'ActiveEnterTimestampMonotonic',
  'StateChangeTimestampMonotonic',
  'MainPID',
  'NRestarts',
];

/**
 * A complete unit name (systemd.unit(5)). For a pattern, or a template without an instance, systemctl would answer for
 * another number of units.
 */
const UNIT_NAME = /^[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]+)?\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;

/**
 * Reads the states of units with one `systemctl show`, by the names in `names`. A unit that does not exist has load
 * `not-found`. Throws CommandFailedError when systemctl fails, and HOST_FACTS_INVALID when its answer is incomplete.
 */
export async function readUnits(host: Host, names: readonly string[], options: Options = {}): Promise<ReadonlyMap<string, UnitState>> {
  checkNames(names);
  const units = [...new Set(names)];
  if (units.length === 0) return new Map();
  const command = systemctl('show', `--property=${PROPERTIES.join(',')}`, '--', ...units);
  const { stdout } = await runChecked(host, command, options);
  return parseUnitStates(stdout, host.name, units);
}

/** Units as `systemctl list-units` has them. */
export interface UnitList {
  /** A line for each unit, with its load, active and sub state and the type of its job if there is any. */
  readonly text: string;
  readonly units: ReadonlySet<string>;
}

/**
 * Lists those of the units that systemd has in memory; one under an alias is not among them. It takes a fifth of the time of
 * readUnits for 25 units. Throws CommandFailedError when systemctl fails.
 */
export async function listUnits(host: Host, names: readonly string[], options: Options = {}): Promise<UnitList> {
  checkNames(names);
  if (names.length === 0) return { text: '', units: new Set() };
  const command = systemctl('list-units', '--all', '--full', '--plain', '--no-legend', '--', ...names);
  const { stdout: text } = await runChecked(host, command, options);
  return { text, units: new Set(text.split('\n').map((line) => line.trim().split(' ', 1)[0] ?? '')) };
}

function checkNames(names: readonly string[]): void {
  const wrong = names.find((unit) => !UNIT_NAME.test(unit));
  if (wrong !== undefined) throw new Error(`"${wrong}" is not the name of a unit`);
}

/** Reads the state of one unit. Throws what readUnits throws. */
export async function unitState(host: Host, unit: string, options: Options = {}): Promise<UnitState> {
  const state = (await readUnits(host, [unit], options)).get(unit);
  if (state === undefined) throw new Error(`the state of "${unit}" was not read`);
  return state;
}

/**
 * Parses the output of `systemctl show`. It has one block for each unit, in the order of `units`; an alias is answered
 * with the name of its target.
 */
export function parseUnitStates(text: string, host: string, units: readonly string[]): ReadonlyMap<string, UnitState> {
  const blocks = text.trim() === '' ? [] : text.trim().split(/\n\s*\n/);
  if (blocks.length !== units.length) {
    const reason = `systemctl answered for ${blocks.length} units instead of ${units.length}`;
    throw new CaissonError('HOST_FACTS_INVALID', `Cannot read the states of units on "${host}": ${reason}`);
  }
  return new Map(units.map((unit, index) => [unit, parseBlock(blocks[index] ?? '', host, unit)]));
}

function parseBlock(block: string, host: string, unit: string): UnitState {
  const values = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).trim()]));
  const required = (name: string): string => {
    const value = values.get(name);
    if (value !== undefined) return value;
    throw new CaissonError('HOST_FACTS_INVALID', `Cannot read the state of "${unit}" on "${host}": systemctl did not say ${name}`);
  };
  const since = Number(values.get('ActiveEnterTimestampMonotonic') ?? 0);
  const changed = Number(values.get('StateChangeTimestampMonotonic') ?? 0);
  return {
    load: required('LoadState'),
    active: required('ActiveState'),
    sub: required('SubState'),
    enablement: values.get('UnitFileState') ?? '',
    path: values.get('FragmentPath') ?? '',
    needsReload: values.get('NeedDaemonReload') === 'yes',
    queued: !['', '0'].includes(values.get('Job') ?? ''),
    invocation: values.get('InvocationID') ?? '',
    activeSince: since === 0 ? undefined : since,
    changedSince: changed === 0 ? undefined : changed,
    // Only services have a process and restarts.
    mainPid: Number(values.get('MainPID') ?? 0),
    restarts: Number(values.get('NRestarts') ?? 0),
  };
}

export async function daemonReload(host: Host, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('daemon-reload'), options);
}

/** Enables the start of a unit at boot. Does not start it. */
export async function enableUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('enable', '--quiet', '--', unit), options);
}

/** Makes a running unit read its changed configuration without a stop. Throws CommandFailedError for a unit that cannot. */
export async function reloadUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('reload', '--', unit), options);
}

export async function restartUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('restart', '--', unit), options);
}

/** Stops units and waits until they have stopped. They start again at the next boot. */
export async function stopUnits(host: Host, units: readonly string[], options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('stop', '--', ...units), options);
}

export async function startUnits(host: Host, units: readonly string[], options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('start', '--', ...units), options);
}

/**
 * Stops a unit and disables its start at boot. Succeeds for a unit that does not exist. A unit whose program ends with an error when it
 * is told to stop is not left `failed`.
 */
export async function disableUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  if ((await unitState(host, unit, options)).load === 'not-found') return;
  await runChecked(host, systemctl('disable', '--now', '--quiet', '--', unit), options);
  await forgetFailures(host, [unit], options);
}

/**
 * Has systemd forget that units failed: it keeps a failed unit in its lists also when its file is gone. A unit that did not fail, or
 * that systemd does not know, is no error.
 */
export async function forgetFailures(host: Host, units: readonly string[], options: Options = {}): Promise<void> {
  // systemctl ends with 1 for a unit that is not loaded, after it has reset the others.
  if (units.length > 0) await host.run(systemctl('reset-failed', '--', ...units), options);
}

/** True for a unit that does not run and that no job is about to start. */
export function isIdle(state: UnitState | undefined): boolean {
  return state === undefined || ((state.active === 'inactive' || state.active === 'failed') && !state.queued);
}

function systemctl(...words: readonly string[]): Command {
  return { argv: ['systemctl', '--no-pager', ...words] };
}
