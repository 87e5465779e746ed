import type { Readable } from 'node:stream';

const DISCARD_LIMIT = 64 * 1024;

/** Reads and drops a body, so that its connection can be used again; a long body is destroyed instead. */
export function discard(body: Readable): void {
  let size = 0;
  body.on('data', (chunk: Uint8Array) => {
    size += chunk.byteLength;
    if (size > DISCARD_LIMIT) body.destroy();
  });
  body.on('error', () => {});
}

/** The first bytes of a body, up to `limit`; the rest is left. */
export async function readStart(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes: unknown = chunk;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('readStart needs a stream of bytes');
    chunks.push(bytes);
    size += bytes.byteLength;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}
