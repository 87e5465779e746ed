import type { CaissonError } from '../../core/index.ts';
import { CommandFailedError, runChecked, type Command, type CommandResult, type Host } from '../../host/index.ts';
import { retry } from '../../io/index.ts';
import { aptGet } from './apt-access.ts';
import type { PackageToolOptions } from './package-manager.ts';

/** How long another process may keep apt or dpkg for itself: security updates of a slow host take minutes. */
const PATIENCE_MS = 900_000;
const LOOK_INTERVAL_MS = 3_000;

/**
 * Runs apt or dpkg (with messages in English), and waits while another process holds their locks: the host's own updates,
 * or what a run of ours that was killed left at work. Throws CommandFailedError when it fails for another reason, or the
 * lock is not given back.
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
 * Brings packages that a kill left half-way to a state that apt works with; on a healthy host it does nothing. It removes
 * nothing: when only that would help, it throws with what apt says.
 */
export async function recoverPackages(host: Host, options: PackageToolOptions): Promise<void> {
  try {
    await runPackageTool(host, CONFIGURE_PENDING, options);
  } catch (error) {
    // What waits for a package that is not unpacked yet cannot be configured; FIX_BROKEN installs that and configures both.
    if (!(error instanceof CommandFailedError) || isLocked(error)) throw error;
  }
  await runPackageTool(host, FIX_BROKEN, options);
}

const CONFIGURE_PENDING: Command = {
  argv: ['dpkg', '--configure', '--pending', '--force-confdef', '--force-confold'],
  env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
};

const FIX_BROKEN = aptGet('install', '--fix-broken', '--no-remove', '--no-install-recommends');

/** dpkg and apt have no exit status of their own for it. */
function isLocked(error: unknown): error is CaissonError {
  return (
    error instanceof CommandFailedError && /locked by another process|Could not get lock|Unable to acquire the dpkg/.test(error.stderr)
  );
}
