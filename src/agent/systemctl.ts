import { runChecked, type Host } from '../host/index.ts';

/** True for an active unit, and for one that is reloading its configuration. */
export function isRunning(active: string): boolean {
  return active === 'active' || active === 'reloading';
}

export async function enableUnits(host: Host, units: readonly string[], signal: AbortSignal): Promise<void> {
  if (units.length > 0) await runChecked(host, { argv: ['systemctl', 'enable', '--quiet', '--', ...units] }, { signal });
}

/** Queues the start of units and does not wait for it. The health checks of the services tell whether the start succeeded. */
export async function startUnits(host: Host, units: readonly string[], signal: AbortSignal): Promise<void> {
  if (units.length > 0) await runChecked(host, { argv: ['systemctl', 'start', '--no-block', '--', ...units] }, { signal });
}

export async function restartUnits(host: Host, units: readonly string[], signal: AbortSignal): Promise<void> {
  if (units.length > 0) await runChecked(host, { argv: ['systemctl', 'restart', '--no-block', '--', ...units] }, { signal });
}

/** Stops units, waits until they have stopped, and disables their start at boot. */
export async function retireUnits(host: Host, units: readonly string[], signal: AbortSignal): Promise<void> {
  if (units.length > 0) await runChecked(host, { argv: ['systemctl', 'disable', '--now', '--quiet', '--', ...units] }, { signal });
}
