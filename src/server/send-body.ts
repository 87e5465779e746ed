import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FileRange, readLimited } from '../io/index.ts';
import type { StreamBody } from './message.ts';

/** Up to this size a body is collected and written at once, headers and all: one system call instead of several. */
const SMALL = 256 * 1024;

/**
 * Sends a body and ends the destination. The source is closed in every case. Throws when the client leaves, the source
 * fails, or it gives another number of bytes than promised; the destination is destroyed, so that the client sees a
 * broken transfer and never a short file that looks whole.
 */
export async function sendBody(body: StreamBody, destination: Writable): Promise<void> {
  const source = await body.open();
  try {
    if (destination.destroyed) return;
    if (body.size <= SMALL) await sendAtOnce(source, body.size, destination);
    else if (source instanceof FileRange) await sendFile(source, body.size, destination);
    else await sendInPieces(source, body.size, destination);
  } catch (error) {
    destination.destroy();
    throw error;
  } finally {
    source.destroy();
  }
}

async function sendAtOnce(source: Readable, size: number, destination: Writable): Promise<void> {
  const bytes = source instanceof FileRange ? await source.readWhole() : await readLimited(source, size, 'a body');
  checkSize(bytes.byteLength, size);
  destination.end(bytes);
}

async function sendFile(source: FileRange, size: number, destination: Writable): Promise<void> {
  checkSize(source.left, size);
  await source.sendTo(destination);
  destination.end();
}

async function sendInPieces(source: Readable, size: number, destination: Writable): Promise<void> {
  let received = 0;
  source.on('data', (chunk: Uint8Array) => {
    received += chunk.byteLength;
    if (received > size) source.destroy(new Error(`A body gave more than its ${size} bytes`));
  });
  await pipeline(source, destination, { end: false });
  checkSize(received, size);
  destination.end();
}

function checkSize(received: number, size: number): void {
  if (received !== size) throw new Error(`A body gave ${received} of its ${size} bytes`);
}
