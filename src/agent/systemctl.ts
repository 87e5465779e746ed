import { runChecked, type Host } from '../host/index.ts';

/** What systemd says of a unit. */
export interface UnitState {
  readonly active: string;
  readonly sub: string;
  /** A job (start, stop) is waiting or under way. */
  readonly queued: boolean;
  /** `enabled`, `disabled`, `static` …; empty for a unit that systemd does not know. */
  readonly enablement: string;
  /** Where the unit was read from; empty for one that systemd does not know. */
  readonly path: string;
}

const PROPERTIES = ['Id', 'ActiveState', 'SubState', 'UnitFileState', 'FragmentPath', 'Job'] as const;

/** systemd's words for the units of the list, by the names asked for. */
export async function unitStates(host: Host, units: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, UnitState>> {
  if (units.length === 0) return new Map();
  const argv = ['systemctl', 'show', `--property=${PROPERTIES.join(',')}`, '--', ...units];
  const { stdout } = await runChecked(host, { argv }, { signal });
  const blocks = stdout
    .trim()
    .split(/\n\s*\n/)
    .map(parseBlock);
  // One block a unit, in the order asked for: an alias answers with another Id.
  return new Map(units.flatMap((unit, index) => toEntry(unit, blocks[index])));
}

function parseBlock(block: string): ReadonlyMap<string, string> {
  return new Map(
    block.split('\n').map((line): [string, string] => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1).trim()];
    }),
  );
}

function toEntry(unit: string, block: ReadonlyMap<string, string> | undefined): [string, UnitState][] {
  const active = block?.get('ActiveState');
  if (block === undefined || active === undefined) return [];
  const state = {
    active,
    sub: block.get('SubState') ?? '',
    queued: !['', '0'].includes(block.get('Job') ?? ''),
    enablement: block.get('UnitFileState') ?? '',
    path: block.get('FragmentPath') ?? '',
  };
  return [[unit, state]];
}

export async function enableUnits(host: Host, units: readonly string[], signal: AbortSignal): Promise<void> {
  if (units.length > 0) await runChecked(host, { argv: ['systemctl', 'enable', '--quiet', '--', ...units] }, { signal });
}

/** Queues the start and does not wait: whether the service is well is for its health check to say. */
export async function startUnits(host: Host, units: readonly string[], signal: AbortSignal): Promise<void> {
  if (units.length > 0) await runChecked(host, { argv: ['systemctl', 'start', '--no-block', '--', ...units] }, { signal });
}

export async function restartUnits(host: Host, units: readonly string[], signal: AbortSignal): Promise<void> {
  if (units.length > 0) await runChecked(host, { argv: ['systemctl', 'restart', '--no-block', '--', ...units] }, { signal });
}

/** Stops, waits for the end, and removes from the start of the machine. */
export async function retireUnits(host: Host, units: readonly string[], signal: AbortSignal): Promise<void> {
  if (units.length > 0) await runChecked(host, { argv: ['systemctl', 'disable', '--now', '--quiet', '--', ...units] }, { signal });
}
