import { CaissonError } from '../core/index.ts';
import type { Command } from './command.ts';
import type { Host } from './host.ts';
import { runChecked } from './run-checked.ts';

interface Options {
  readonly signal?: AbortSignal;
}

/** What systemd says of a unit (org.freedesktop.systemd1(5)); a unit that does not exist has load `not-found`. */
export interface UnitState {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** enabled, disabled, static …; empty for a unit without a file. */
  readonly file: string;
  readonly mainPid: number;
  readonly restarts: number;
  /** Seconds since the epoch; undefined when it is not active. */
  readonly activeSince: number | undefined;
  /** The unit file changed after it was read: daemon-reload is due. */
  readonly needsReload: boolean;
}

const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'MainPID',
  'NRestarts',
  'ActiveEnterTimestamp',
  'NeedDaemonReload',
];

export async function unitState(host: Host, unit: string, options: Options = {}): Promise<UnitState> {
  const command = systemctl('show', `--property=${PROPERTIES.join(',')}`, '--timestamp=unix', '--', unit);
  const { stdout } = await runChecked(host, command, options);
  return parseUnitState(stdout, host.name, unit);
}

/** Reads `systemctl show --timestamp=unix`. Throws HOST_FACTS_INVALID when what must be there is not. */
export function parseUnitState(text: string, host: string, unit: string): UnitState {
  const values = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  const get = (name: string): string => {
    const value = values.get(name);
    if (value === undefined) {
      throw new CaissonError('HOST_FACTS_INVALID', `Cannot read the state of "${unit}" on "${host}": systemctl did not say ${name}`);
    }
    return value;
  };
  const since = /^@(\d+)$/.exec(get('ActiveEnterTimestamp'))?.[1];
  const active = get('ActiveState');
  return {
    load: get('LoadState'),
    active,
    sub: get('SubState'),
    file: get('UnitFileState'),
    // Only services have a process and restarts.
    mainPid: Number(values.get('MainPID') ?? 0),
    restarts: Number(values.get('NRestarts') ?? 0),
    activeSince: since === undefined || since === '0' || active !== 'active' ? undefined : Number(since),
    needsReload: get('NeedDaemonReload') === 'yes',
  };
}

export async function daemonReload(host: Host, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('daemon-reload'), options);
}

/** Has the unit started at boot; does not start it. */
export async function enableUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('enable', '--quiet', '--', unit), options);
}

export async function startUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('start', '--', unit), options);
}

export async function restartUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('restart', '--', unit), options);
}

/** Stops a unit and keeps it from being started at boot; a unit that does not exist is no failure. */
export async function disableUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  if ((await unitState(host, unit, options)).load === 'not-found') return;
  await runChecked(host, systemctl('disable', '--now', '--quiet', '--', unit), options);
}

/** Forgets that a unit failed, so that it may be started again at once. */
export async function resetFailedUnit(host: Host, unit: string, options: Options = {}): Promise<void> {
  await runChecked(host, systemctl('reset-failed', '--', unit), options);
}

function systemctl(...words: readonly string[]): Command {
  return { argv: ['systemctl', '--no-pager', ...words] };
}
