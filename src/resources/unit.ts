import {
  daemonReload,
  disableUnit,
  enableUnit,
  readUnits,
  reloadUnit,
  restartUnit,
  runChecked,
  shellScript,
  type Host,
  type UnitState,
} from '../host/index.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** A unit that is enabled and was started with the present content of certain files. Its key is the name with its ending. */
export interface UnitSpec {
  /** Files for whose changes the unit must be restarted. */
  readonly restartOn: readonly string[];
  /** Files for whose changes a reload of the unit is enough. */
  readonly reloadOn: readonly string[];
  /** Socket units by which a call starts the unit. */
  readonly sockets?: readonly string[];
  /** Command that takes away what the unit leaves once it was stopped for good. May run twice. */
  readonly afterRemoval?: readonly string[];
}

/** Name in `details` of the sockets, which have a space between them. */
const SOCKETS = 'sockets';
/** Name in `details` of the command after the removal, whose words have NUL between them. */
const AFTER_REMOVAL = 'afterRemoval';

/** Tolerance in seconds when times are compared: /proc/uptime counts in hundredths of a second. */
const CLOCK_STEP = 0.02;

/**
 * Parameters: files. Prints records that end with NUL, with times in seconds: the present time, the time since boot, and
 * the change time of each file that exists.
 */
export const FILE_TIMES_SCRIPT = `export LC_ALL=C
printf 'now %s\\0' "$(date +%s.%N)"
read -r uptime _ </proc/uptime; printf 'uptime %s\\0' "$uptime"
[ $# -eq 0 ] || stat --dereference --printf='changed %.Y %n\\0' -- "$@" 2>/dev/null
exit 0
`;

interface FileTimes {
  /** Time of the last boot, in seconds since the epoch. */
  readonly boot: number;
  /** Time of the last change of each file, in seconds since the epoch. Missing files are left out. */
  readonly changed: ReadonlyMap<string, number>;
}

async function readFileTimes(host: Host, files: readonly string[], signal: AbortSignal): Promise<FileTimes> {
  const { stdout } = await runChecked(host, { argv: shellScript(FILE_TIMES_SCRIPT, [...new Set(files)]) }, { signal });
  const records = stdout.split('\0').map((record) => record.split(' '));
  const number = (word: string): number => Number(records.find(([first]) => first === word)?.[1] ?? Number.NaN);
  const changed = records.flatMap(([word, time = '', ...path]): [string, number][] =>
    word === 'changed' ? [[path.join(' '), Number(time)]] : [],
  );
  return { boot: number('now') - number('uptime'), changed: new Map(changed) };
}

/** The operation that brings a unit to its wanted state. A unit that does not run needs a restart, too. */
interface UnitNeed {
  readonly need: 'nothing' | 'reload' | 'restart';
  readonly why: string;
}

/**
 * Decides by times: a unit that was started before a file changed runs with the older file. This also finds a run that
 * was killed between writing a file and restarting its unit.
 */
function needOf(state: UnitState, { restartOn, reloadOn }: UnitSpec, times: FileTimes): UnitNeed {
  const restart = (why: string): UnitNeed => ({ need: 'restart', why });
  const missing = [...restartOn, ...reloadOn].find((file) => !times.changed.has(file));
  if (missing !== undefined) return restart(`${missing} is missing`);
  if (state.active !== 'active') return restart('it does not run');
  if (state.needsReload) return restart('systemd runs an older unit file');
  if (!['enabled', 'static', 'alias', 'generated'].includes(state.enablement)) return restart('it is not started at boot');
  const newer = (files: readonly string[], since: number | undefined): string | undefined =>
    files.find((file) => (times.changed.get(file) ?? 0) > times.boot + (since ?? 0) / 1e6 + CLOCK_STEP);
  const started = newer(restartOn, state.activeSince);
  if (started !== undefined) return restart(`it runs with an older ${started}`);
  const reloaded = newer(reloadOn, state.changedSince);
  return reloaded === undefined ? { need: 'nothing', why: '' } : { need: 'reload', why: `it runs with an older ${reloaded}` };
}

/**
 * Resolves to the need of each unit, in the order of `wanted`; undefined for a unit that systemd does not know. Runs two
 * commands.
 */
export async function readNeeds(
  host: Host,
  wanted: readonly { readonly key: string; readonly spec: UnitSpec }[],
  signal: AbortSignal,
): Promise<readonly (UnitNeed | undefined)[]> {
  if (wanted.length === 0) return [];
  const states = await readUnits(
    host,
    wanted.map(({ key }) => key),
    { signal },
  );
  const times = await readFileTimes(
    host,
    wanted.flatMap(({ spec }) => [...spec.restartOn, ...spec.reloadOn]),
    signal,
  );
  return wanted.map(({ key, spec }) => {
    const state = states.get(key);
    return state === undefined || state.load === 'not-found' ? undefined : needOf(state, spec, times);
  });
}

export const unitKind: ResourceKind<UnitSpec> = {
  look: async (host, wanted, { signal }) =>
    (await readNeeds(host, wanted, signal)).map((found): Found => {
      if (found === undefined) return ABSENT;
      if (found.need === 'nothing') return SAME;
      return { state: 'different', why: found.why, ...(found.need === 'reload' ? { byReload: true } : {}) };
    }),
  ensure: async (host, wanted, { signal }) => {
    const needs = await readNeeds(host, wanted, signal);
    const open = wanted.filter((_, index) => needs[index]?.need !== 'nothing');
    if (open.length > 0) await daemonReload(host, { signal });
    for (const { key } of open) {
      await enableUnit(host, key, { signal });
      if (needs[wanted.findIndex((one) => one.key === key)]?.need === 'reload') await reloadUnit(host, key, { signal });
      else await restartUnit(host, key, { signal });
    }
  },
  remove: async (host, owned, { signal }) => {
    for (const { key, details } of owned) {
      // A call to a socket that is up, as of a command that a killed run left on the host, would start its unit again.
      for (const socket of details?.[SOCKETS]?.split(' ') ?? []) await disableUnit(host, socket, { signal });
      await disableUnit(host, key, { signal });
      const argv = details?.[AFTER_REMOVAL]?.split('\0');
      if (argv !== undefined) await runChecked(host, { argv }, { signal });
    }
  },
  details: ({ sockets = [], afterRemoval }) => ({
    ...(sockets.length === 0 ? {} : { [SOCKETS]: sockets.join(' ') }),
    ...(afterRemoval === undefined ? {} : { [AFTER_REMOVAL]: afterRemoval.join('\0') }),
  }),
};
