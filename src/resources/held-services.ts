import { posix } from 'node:path';
import { HELD_FILE, parseHeld } from '../agent/index.ts';
import { readRemoteFile, type Host } from '../host/index.ts';
import { AGENT_STATE } from '../site/index.ts';

/** File on a host with the services that its agent does not start, because an operator took the node down. */
export const HELD = posix.join(AGENT_STATE, HELD_FILE);

/** Resolves to the names of those services; there are none where the file is missing. */
export async function readHeldServices(host: Host, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  return parseHeld((await readRemoteFile(host, HELD, signal === undefined ? {} : { signal })) ?? '');
}
