import { shellScript, type Host } from '../host/index.ts';

/** /proc/uptime counts hundredths of a second. */
const CLOCK_STEP = 0.02;

/** Parameters: the unit, then files. Prints NAME=VALUE lines: what systemd says, the time, when each file changed. */
export const FRESHNESS_SCRIPT = `export LC_ALL=C
unit=$1; shift
systemctl show --property=ActiveState,UnitFileState,NeedDaemonReload,ActiveEnterTimestampMonotonic -- "$unit" || exit 1
echo "Now=$(date +%s.%N)"
read -r uptime _ </proc/uptime; echo "Uptime=$uptime"
[ $# -eq 0 ] || stat --dereference --format=Changed=%.Y -- "$@"
`;

/**
 * True when the unit is active, enabled, known to systemd as it is on disk, and was started after the newest of the
 * files changed: then it runs with exactly these files. A run that was killed between writing and restarting is noticed.
 */
export async function isRunningWith(host: Host, unit: string, files: readonly string[], signal: AbortSignal): Promise<boolean> {
  const result = await host.run({ argv: shellScript(FRESHNESS_SCRIPT, [unit, ...files]) }, { signal });
  // A file that is missing ends it with an error: the unit cannot run with that.
  if (result.exitCode !== 0) return false;
  const lines = result.stdout
    .split('\n')
    .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  const values = new Map(lines);
  if (values.get('ActiveState') !== 'active' || values.get('NeedDaemonReload') !== 'no') return false;
  if (!['enabled', 'static', 'alias'].includes(values.get('UnitFileState') ?? '')) return false;
  const number = (name: string): number => Number.parseFloat(values.get(name) ?? '');
  const started = number('Now') - number('Uptime') + number('ActiveEnterTimestampMonotonic') / 1e6;
  const changes = lines.filter(([name]) => name === 'Changed').map(([, value]) => Number(value));
  return Number.isFinite(started) && changes.every((changed) => changed <= started + CLOCK_STEP);
}
