import type { Host } from '../../host/index.ts';
import { HEALTHY, type HealthCheck, type HealthResult } from '../check.ts';

/** Exit statuses of timeout(1): ended by it, and killed because that was not enough. */
const TIMED_OUT: readonly number[] = [124, 137];

/** Room for timeout(1) itself to act before we lose patience with the machine. */
const GRACE_SECONDS = 2;

const REASON_LENGTH = 300;

/**
 * Commands of a host that ran out of time and did not end when they were killed: they wait in the kernel for a device or a server. Such a
 * command is not begun again before it has ended.
 */
const HANGING = new WeakMap<Host, Set<string>>();

/**
 * Runs a line for bash on the host, as root. Exit status 0 is healthy, any other is dead, with the output of the command
 * as reason. A command that does not end within the timeout is dead, too, and is killed with its children. One that cannot be killed
 * is dead without being begun again, until it has ended.
 */
export async function probeCommand(check: HealthCheck & { readonly model: 'cmd' }, host: Host, signal: AbortSignal): Promise<HealthResult> {
  const seconds = check.timeoutMs / 1000;
  const hanging = HANGING.get(host) ?? new Set<string>();
  HANGING.set(host, hanging);
  const stuck: HealthResult = { status: 'dead', reason: `the command did not end within ${seconds} s, and cannot be killed` };
  if (hanging.has(check.command)) return stuck;
  const argv = ['timeout', `--kill-after=${GRACE_SECONDS}`, String(seconds), '/bin/bash', '-c', check.command];
  const ended = host.run({ argv }, { signal });
  const result = await within(check.timeoutMs + 2 * GRACE_SECONDS * 1000, ended, signal);
  if (result === undefined) {
    hanging.add(check.command);
    const forget = (): boolean => hanging.delete(check.command);
    ended.then(forget, forget);
    return stuck;
  }
  if (result.exitCode === 0) return HEALTHY;
  if (TIMED_OUT.includes(result.exitCode)) return { status: 'dead', reason: `the command did not end within ${seconds} s` };
  const said = lastLine(result.stderr) ?? lastLine(result.stdout);
  return { status: 'dead', reason: `exit status ${result.exitCode}${said === undefined ? '' : `: ${said}`}` };
}

/** The result of `work`, or undefined after some milliseconds. Rejects with the reason of the signal when it aborts. */
async function within<T>(milliseconds: number, work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const done = new AbortController();
  const late = new Promise<undefined>((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve(undefined);
    }, milliseconds);
    done.signal.addEventListener('abort', () => {
      clearTimeout(timer);
    });
    const stop = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('the probe was ended'));
    };
    signal.addEventListener('abort', stop, { once: true, signal: done.signal });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}

function lastLine(text: string): string | undefined {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? undefined : line.slice(0, REASON_LENGTH);
}
