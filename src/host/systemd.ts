import { CaissonError } from '../core/index.ts';
import type { Command } from './command.ts';
import type { Host } from './host.ts';
import { runChecked } from './run-checked.ts';

interface Options {
  readonly signal?: AbortSignal;
}

/** What systemd says of a unit (org.freedesktop.systemd1(5)). */
export interface UnitState {
  /** `loaded`, `masked`, `error` …; `not-found` for a unit that systemd does not know. */
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** UnitFileState: `enabled`, `disabled`, `static` …; empty for a unit without a file. */
  readonly enablement: string;
  /** FragmentPath: the file the unit was read from; empty for a unit without a file. */
  readonly path: string;
  /** The unit file changed after systemd read it: daemon-reload is due. */
  readonly needsReload: boolean;
  /** A job (start, stop, restart) waits or runs. */
  readonly queued: boolean;
  /** Changes with every start; empty for a unit that was not started since the machine booted. */
  readonly invocation: string;
  /** Microseconds from boot to the last start; undefined for a unit that was not started. The value stays after a stop. */
  readonly activeSince: number | undefined;
  /** Microseconds from boot to the last change of state, which a reload is too; undefined for a unit that never ran. */
  readonly changedSince: number | undefined;
  /** Process id of a service; 0 when it has none. */
  readonly mainPid: number;
  /** Times that systemd started the service again by itself. */
  readonly restarts: number;
}

/** All of them are there since systemd 235; times are read monotonic, since `--timestamp=unix` needs systemd 251. */
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

/** A whole unit name (systemd.unit(5)). Patterns and template names without an instance would answer for another number of units. */
const UNIT_NAME = /^[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]+)?\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;

/**
 * The states of units, by the names asked for, from one `systemctl show`. A unit that does not exist has load `not-found`.
 * Throws CommandFailedError when systemctl fails, and HOST_FACTS_INVALID when its answer is incomplete.
 */
export async function readUnits(host: Host, names: readonly string[], options: Options = {}): Promise<ReadonlyMap<string, UnitState>> {
  const units = [...new Set(names)];
  const wrong = units.find((unit) => !UNIT_NAME.test(unit));
  if (wrong !== undefined) throw new Error(`"${wrong}" is not the name of a unit`);
  if (units.length === 0) return new Map();
  const command = systemctl('show', `--property=${PROPERTIES.join(',')}`, '--', ...units);
  const { stdout } = await runChecked(host, command, options);
  return parseUnitStates(stdout, host.name, units);
}

/** Reads one unit; see readUnits. */
export async function unitState(host: Host, unit: string, options: Options = {}): Promise<UnitState> {
  const state = (await readUnits(host, [unit], options)).get(unit);
  if (state === undefined) throw new Error(`the state of "${unit}" was not read`);
  return state;
}

/** Reads the blocks of `systemctl show`, one a unit in the order asked for: an alias answers with the name of its target. */
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

/** Has the unit started at boot; does not start it. */
export async function enableUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('enable', '--quiet', '--', unit), options);
}

/** Has a running unit take its changed configuration without a stop; fails for a unit that cannot. */
export async function reloadUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('reload', '--', unit), options);
}

export async function restartUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('restart', '--', unit), options);
}

/** Stops a unit and keeps it from being started at boot; a unit that does not exist is no failure. */
export async function disableUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  if ((await unitState(host, unit, options)).load === 'not-found') return;
  await runChecked(host, systemctl('disable', '--now', '--quiet', '--', unit), options);
}

function systemctl(...words: readonly string[]): Command {
  return { argv: ['systemctl', '--no-pager', ...words] };
}
