import type { Command, CommandFailedError, CommandResult, Host } from '../../../host/index.ts';
import { runLockedTool } from '../locked-tool.ts';
import type { PackageToolOptions } from '../package-manager.ts';

/** Exit status of dnf and yum with `exit_on_lock` when another process holds their lock. */
export const LOCKED_STATUS = 200;

/** Runs dnf, yum or rpm. Waits while another process holds their locks, and throws as runLockedTool does. */
export async function runRpmTool(host: Host, command: Command, options: PackageToolOptions): Promise<CommandResult> {
  return runLockedTool(host, command, isLocked, options);
}

/** The lock of rpm has no exit status of its own, so its message tells. */
function isLocked({ exitCode, stderr }: CommandFailedError): boolean {
  return exitCode === LOCKED_STATUS || /can't create transaction lock/.test(stderr);
}
