import { runChecked, type Host } from '../host/index.ts';

/** True for a unit that is active, also while it reads its configuration again. */
export function isRunning(active: string): boolean {
  return active === 'active' || active === 'reloading';
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
