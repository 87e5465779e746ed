import type { Host } from '../../host/index.ts';
import { HEALTHY, type HealthCheck, type HealthResult } from '../check.ts';

/** Exit statuses of timeout(1): ended by it, and killed because that was not enough. */
const TIMED_OUT: readonly number[] = [124, 137];

/** Room for timeout(1) itself to act before we lose patience with the machine. */
const GRACE_SECONDS = 2;

const REASON_LENGTH = 300;

/**
 * Runs a line for bash on the host, as root. Exit status 0 is healthy, any other is dead, with the output of the command
 * as reason. A command that does not end within the timeout is dead, too, and is killed with its children.
 */
export async function probeCommand(check: HealthCheck & { readonly model: 'cmd' }, host: Host, signal: AbortSignal): Promise<HealthResult> {
  const seconds = check.timeoutMs / 1000;
  const argv = ['timeout', `--kill-after=${GRACE_SECONDS}`, String(seconds), '/bin/bash', '-c', check.command];
  const result = await host.run({ argv }, { signal });
  if (result.exitCode === 0) return HEALTHY;
  if (TIMED_OUT.includes(result.exitCode)) return { status: 'dead', reason: `the command did not end within ${seconds} s` };
  const said = lastLine(result.stderr) ?? lastLine(result.stdout);
  return { status: 'dead', reason: `exit status ${result.exitCode}${said === undefined ? '' : `: ${said}`}` };
}

function lastLine(text: string): string | undefined {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? undefined : line.slice(0, REASON_LENGTH);
}
