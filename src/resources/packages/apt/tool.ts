import type { CaissonError } from '../../../core/index.ts';
import { CommandFailedError, runChecked, type Command, type CommandResult, type Host } from '../../../host/index.ts';
import { retry } from '../../../io/index.ts';
import { aptGet } from './access.ts';
import type { PackageToolOptions } from '../package-manager.ts';

/** Milliseconds that another process may hold the lock of apt or dpkg: security updates on a slow host take minutes. */
const PATIENCE_MS = 900_000;
const LOOK_INTERVAL_MS = 3_000;

/**
 * Runs apt or dpkg with messages in English. Waits while another process holds their locks: the host's own updates, or a
 * command that a killed run left running. Throws CommandFailedError when the command fails for another reason, or when
 * the lock is still held after PATIENCE_MS.
 */
export async function runPackageTool(host: Host, command: Command, options: PackageToolOptions): Promise<CommandResult> {
  const { signal, emit, sleep } = options;
  let said = false;
  return retry(() => runChecked(host, command, { signal }), {
    what: `${command.argv[0] ?? ''} on ${host.name}`,
    attempts: Math.ceil(PATIENCE_MS / LOOK_INTERVAL_MS),
    delaysMs: [LOOK_INTERVAL_MS],
    isTransient: isLocked,
    emit: () => {
      if (!said) emit({ type: 'note', message: `Waiting on ${host.name} until another process is done with its packages` });
      said = true;
    },
    signal,
    ...(sleep === undefined ? {} : { sleep }),
  });
}

/**
 * Repairs packages that an interrupted run left half-installed, so that apt works again. Changes nothing on a healthy
 * host and removes no package. Throws CommandFailedError with the message of apt when a repair needs a removal.
 */
export async function recoverPackages(host: Host, options: PackageToolOptions): Promise<void> {
  try {
    await runPackageTool(host, CONFIGURE_PENDING, options);
  } catch (error) {
    // dpkg cannot configure a package that depends on one that is not unpacked; FIX_BROKEN installs that one and configures
    // both.
    if (!(error instanceof CommandFailedError) || isLocked(error)) throw error;
  }
  await runPackageTool(host, FIX_BROKEN, options);
}

const CONFIGURE_PENDING: Command = {
  argv: ['dpkg', '--configure', '--pending', '--force-confdef', '--force-confold'],
  env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
};

const FIX_BROKEN = aptGet('install', '--fix-broken', '--no-remove', '--no-install-recommends');

/** dpkg and apt have no separate exit status for a held lock, so their messages tell. */
function isLocked(error: unknown): error is CaissonError {
  return (
    error instanceof CommandFailedError && /locked by another process|Could not get lock|Unable to acquire the dpkg/.test(error.stderr)
  );
}
