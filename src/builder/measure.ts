import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Digest } from '../core/index.ts';

export interface Measured {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** Reads a stream to its end and keeps none of its bytes. Rejects with the error of the stream. */
export async function measureStream(stream: Readable): Promise<Measured> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    size += chunk.byteLength;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}
