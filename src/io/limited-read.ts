import type { Readable } from 'node:stream';
import { CaissonError, formatSize } from '../core/index.ts';

/**
 * Reads a whole stream that must be small. Throws LIMIT_EXCEEDED, and destroys the stream, at the first byte over
 * `limit`.
 */
export async function readLimited(stream: Readable, limit: number, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop, by any way, destroys the stream.
  for await (const chunk of stream) {
    const bytes: unknown = chunk;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('readLimited needs a stream of bytes');
    size += bytes.byteLength;
    if (size > limit) throw limitExceeded(what, limit);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size);
}

export function limitExceeded(what: string, limit: number): CaissonError {
  return new CaissonError('LIMIT_EXCEEDED', `Cannot read ${what}: it is larger than ${formatSize(limit)}`);
}
