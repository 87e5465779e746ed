import type { FileHandle } from 'node:fs/promises';

/** Reads an open file; of one with more than `most` bytes its last ones, from the start of a line on. */
export async function readTail(file: FileHandle, most = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const { size } = await file.stat();
  const start = Math.max(0, size - most);
  const bytes = Buffer.alloc(size - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  const content = bytes.subarray(0, filled);
  return start === 0 ? content : content.subarray(content.indexOf('\n') + 1);
}
