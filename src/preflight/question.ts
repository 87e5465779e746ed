import { CaissonError } from '../core/index.ts';
import { CommandFailedError, type Host } from '../host/index.ts';
import type { HostFinding } from './findings.ts';

/** Seconds after which timeout(1) kills a command that it has asked to end. */
const KILL_AFTER_SECONDS = 5;
/** Seconds after the limit of timeout(1) at which this process gives up: by then the host itself has stopped answering. */
const GRACE_SECONDS = 15;
/** Exit statuses of timeout(1) when the time was over: the command ended when asked, or was killed. */
const TIMED_OUT: readonly number[] = [124, 137];

/** One question to a host, with a time limit for each of its commands. */
export interface Question<T> {
  /** Object of the sentence "it did not say …". */
  readonly subject: string;
  readonly seconds: number;
  /** Instruction for the operator when the host does not answer. */
  readonly remedy: string;
  readonly ask: (host: Host) => Promise<T>;
}

/**
 * Resolves to the answer. Resolves to a finding when the host does not answer in time, closes the connection, or gives an
 * answer that cannot be read. Throws the reason of the signal when it aborts, and errors that are bugs.
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

/** Wraps a host so that every command ends within `seconds`. Its `run` throws COMMAND_STALLED when the time is over. */
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

/** The finding names the outcome of a script but not its text, which would not help the operator. */
function describe(error: CaissonError, { subject, seconds, remedy }: Question<unknown>): Omit<HostFinding, 'host'> {
  if (error.code === 'COMMAND_STALLED') return { problem: `it did not say within ${seconds} s ${subject}`, remedy };
  if (error instanceof CommandFailedError) {
    const said = error.stderr.trim().split('\n').at(-1) ?? '';
    return { problem: `it could not say ${subject}: exit status ${error.exitCode}${said === '' ? '' : `, ${said}`}`, remedy };
  }
  return { problem: error.message, remedy: error.hint ?? remedy };
}
