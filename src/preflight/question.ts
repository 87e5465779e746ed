import { CaissonError } from '../core/index.ts';
import { CommandFailedError, type Host } from '../host/index.ts';
import type { HostFinding } from './findings.ts';

/** After timeout(1) has asked a command to end, it is killed this much later. */
const KILL_AFTER_SECONDS = 5;
/** How much later than timeout(1) on the host this process gives up: then the host as a whole hangs. */
const GRACE_SECONDS = 15;
/** Exit status of timeout(1) when the time was over: the command ended by itself, or had to be killed. */
const TIMED_OUT: readonly number[] = [124, 137];

/** One thing that a host is asked, with the time that it has for the answer. */
export interface Question<T> {
  /** Completes "it did not say …". */
  readonly subject: string;
  readonly seconds: number;
  /** What to look for when no answer came. */
  readonly remedy: string;
  readonly ask: (host: Host) => Promise<T>;
}

/**
 * Resolves to the answer, or to a finding when the host did not answer in time, closed the connection, or answered what
 * makes no sense. Throws what is no fault of the host: an interruption, and bugs.
 */
export async function askInTime<T>(
  host: Host,
  question: Question<T>,
  signal: AbortSignal,
): Promise<{ readonly answer: T } | { readonly finding: HostFinding }> {
  try {
    return { answer: await question.ask(withTimeout(host, question.seconds)) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CaissonError) || error.code === 'INTERRUPTED') throw error;
    return { finding: { host: host.name, ...describe(error, question) } };
  }
}

/** The same host, on which every command has so many seconds. Throws COMMAND_STALLED when they are over. */
function withTimeout(host: Host, seconds: number): Host {
  return {
    name: host.name,
    address: host.address,
    local: host.local,
    run: async (command, options) => {
      const argv = ['timeout', `--kill-after=${KILL_AFTER_SECONDS}`, String(seconds), ...command.argv];
      const result = await host.run({ ...command, argv, idleTimeoutMs: (seconds + GRACE_SECONDS) * 1000 }, options);
      if (!TIMED_OUT.includes(result.exitCode)) return result;
      throw new CaissonError('COMMAND_STALLED', `Cannot ask "${host.name}": no answer within ${seconds} s`);
    },
    upload: (source, path, options) => host.upload(source, path, options),
    close: () => host.close(),
  };
}

/** What is told of our scripts is their outcome: a person can do nothing with their text. */
function describe(error: CaissonError, { subject, seconds, remedy }: Question<unknown>): Omit<HostFinding, 'host'> {
  if (error.code === 'COMMAND_STALLED') return { problem: `it did not say within ${seconds} s ${subject}`, remedy };
  if (error instanceof CommandFailedError) {
    const said = error.stderr.trim().split('\n').at(-1) ?? '';
    return { problem: `it could not say ${subject}: exit status ${error.exitCode}${said === '' ? '' : `, ${said}`}`, remedy };
  }
  return { problem: error.message, remedy: error.hint ?? remedy };
}
