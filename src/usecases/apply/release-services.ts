import { readRemoteFile, removeRemoteFile, runChecked, type Host } from '../../host/index.ts';
import { HELD } from '../../resources/index.ts';
import { EXECUTABLE } from '../../site/index.ts';

/**
 * Has the agent of a host start its services again, where it holds some. Runs work on no host that the record has as down, so these
 * were held by a command that the record does not know: it was lost, or came from a backup.
 */
export async function releaseServices(host: Host, signal: AbortSignal): Promise<void> {
  if ((await readRemoteFile(host, HELD, { signal })) === undefined) return;
  await removeRemoteFile(host, HELD, { signal });
  await runChecked(host, { argv: [EXECUTABLE, 'agent', 'reload'] }, { signal });
}
