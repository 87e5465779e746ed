import { CommandFailedError, type Command, type CommandResult, type Host } from '../../../host/index.ts';
import { runLockedTool } from '../locked-tool.ts';
import type { PackageToolOptions } from '../package-manager.ts';
import { aptGet } from './access.ts';

/**
 * Runs apt or dpkg with messages in English. Waits while another process holds their locks, and throws as runLockedTool
 * does.
 */
export async function runPackageTool(host: Host, command: Command, options: PackageToolOptions): Promise<CommandResult> {
  return runLockedTool(host, command, isLocked, options);
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
function isLocked({ stderr }: CommandFailedError): boolean {
  return /locked by another process|Could not get lock|Unable to acquire the dpkg/.test(stderr);
}
