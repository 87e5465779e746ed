import type { CaissonError } from '../../core/index.ts';
import { CommandFailedError, runChecked, type Command, type CommandResult, type Host } from '../../host/index.ts';
import { retry } from '../../io/index.ts';
import type { PackageToolOptions } from './package-manager.ts';

/** Milliseconds that another process may hold the lock of a package tool: security updates on a slow host take minutes. */
const PATIENCE_MS = 900_000;
const LOOK_INTERVAL_MS = 3_000;

/** True for the failure of a package tool because another process holds its lock. */
export type IsLocked = (error: CommandFailedError) => boolean;

/**
 * Runs a package tool. Waits while another process holds its lock: the host's own updates, or a command that a killed run
 * left running. Throws CommandFailedError when the command fails for another reason, or when the lock is still held after
 * PATIENCE_MS.
 */
export async function runLockedTool(
  host: Host,
  command: Command,
  isLocked: IsLocked,
  { signal, emit, sleep }: PackageToolOptions,
): Promise<CommandResult> {
  let said = false;
  return retry(() => runChecked(host, command, { signal }), {
    what: `${command.argv[0] ?? ''} on ${host.name}`,
    attempts: Math.ceil(PATIENCE_MS / LOOK_INTERVAL_MS),
    delaysMs: [LOOK_INTERVAL_MS],
    isTransient: (error): error is CaissonError => error instanceof CommandFailedError && isLocked(error),
    emit: () => {
      if (!said) emit({ type: 'note', message: `Waiting on ${host.name} until another process is done with its packages` });
      said = true;
    },
    signal,
    ...(sleep === undefined ? {} : { sleep }),
  });
}
