import { CaissonError, digestFromHex, type Digest } from '../core/index.ts';
import type { Host } from './host.ts';
import { runChecked, shellScript } from './run-checked.ts';

interface Options {
  readonly signal?: AbortSignal;
}

/** Size and digest of a file on a host. */
export interface RemoteFileFacts {
  readonly size: number;
  readonly digest: Digest;
}

/** Mebibytes that one command reads. In base64 they stay below the limit for the output of a command. */
const CHUNK_MIB = 8;
const CHUNK_BYTES = CHUNK_MIB * 2 ** 20;

/** Parameter: a file. Prints its size and its SHA-256; nothing for a path that is no regular file. */
export const DESCRIBE_FILE_SCRIPT = `set -eu
if [ -f "$1" ] && [ ! -L "$1" ]; then
  stat --printf '%s ' -- "$1"
  sha256sum < "$1" | cut -c 1-64
fi
`;

/** Parameters: a file, the number of mebibytes to skip, the number to read. Prints them in base64. */
export const READ_CHUNK_SCRIPT = 'dd if="$1" bs=1048576 skip="$2" count="$3" iflag=fullblock status=none | base64 -w 0';

/** Resolves to the facts of a regular file; undefined when there is none, or a link. */
export async function describeRemoteFile(host: Host, path: string, options: Options = {}): Promise<RemoteFileFacts | undefined> {
  const { stdout } = await runChecked(host, { argv: shellScript(DESCRIBE_FILE_SCRIPT, [path]) }, options);
  const [size, hex] = stdout.trim().split(' ');
  return size === undefined || hex === undefined ? undefined : { size: Number(size), digest: digestFromHex(hex) };
}

/**
 * Reads a file of any size from a host, of which `size` bytes are expected. Holds two chunks of 8 MiB at most: while the
 * caller works on one, the next is read. Throws HOST_FACTS_INVALID when the file is shorter or longer.
 */
export async function* readRemoteStream(host: Host, path: string, size: number, options: Options = {}): AsyncGenerator<Buffer> {
  const chunks = Math.ceil(size / CHUNK_BYTES);
  let next = chunks > 0 ? readChunk(host, path, 0, options) : undefined;
  for (let index = 0; next !== undefined; index += 1) {
    const bytes = await next;
    const expected = Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES);
    if (bytes.length !== expected) throw changedMeanwhile(host, path, `${index * CHUNK_BYTES + bytes.length} of ${size} bytes are there`);
    next = index + 1 < chunks ? readChunk(host, path, index + 1, options) : undefined;
    // The caller may stop before it asks for the next chunk.
    next?.catch(() => {});
    yield bytes;
  }
}

async function readChunk(host: Host, path: string, index: number, options: Options): Promise<Buffer> {
  const argv = shellScript(READ_CHUNK_SCRIPT, [path, String(index * CHUNK_MIB), String(CHUNK_MIB)]);
  const { stdout } = await runChecked(host, { argv }, options);
  return Buffer.from(stdout, 'base64');
}

function changedMeanwhile(host: Host, path: string, reason: string): CaissonError {
  return new CaissonError('HOST_FACTS_INVALID', `Cannot read "${path}" on "${host.name}": ${reason}`, {
    hint: 'Something writes to the file or removes it meanwhile; run the same command again',
  });
}
