import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { limitExceeded, readLimited } from '../io/index.ts';

/** True for the address of a directory of this machine, such as a mounted ISO image or a disk with a mirror. */
export function isLocal(url: string): boolean {
  return /^file:/i.test(url);
}

/** Reads a file of up to `limit` bytes; undefined when there is none. Throws FETCH_FAILED and LIMIT_EXCEEDED. */
export async function fetchLocalFile(url: string, { limit }: { readonly limit: number }): Promise<Buffer | undefined> {
  const path = pathOf(url);
  try {
    const file = await open(path, 'r');
    try {
      if ((await file.stat()).size > limit) throw limitExceeded(`"${url}"`, limit);
      return await readLimited(file.createReadStream({ autoClose: false }), limit, `"${url}"`);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CaissonError) throw error;
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw unreadable(url, error);
  }
}

/** Streams a file from `offset` on. Throws FETCH_FAILED when it cannot be opened. */
export async function openLocalFile(url: string, offset: number): Promise<Readable> {
  try {
    const file = await open(pathOf(url), 'r');
    return file.createReadStream({ start: offset, highWaterMark: 1024 * 1024 });
  } catch (error) {
    if (error instanceof CaissonError) throw error;
    throw unreadable(url, error);
  }
}

/** Number of bytes of a file. Throws FETCH_FAILED when it cannot be seen or is none. */
export async function localSize(url: string): Promise<number> {
  try {
    const found = await stat(pathOf(url));
    if (found.isFile()) return found.size;
  } catch (error) {
    if (error instanceof CaissonError) throw error;
    throw unreadable(url, error);
  }
  throw new CaissonError('FETCH_FAILED', `Cannot read "${url}": it is not a file`, { hint: 'Name the file itself' });
}

function pathOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname);
  } catch (cause) {
    throw unreadable(url, cause);
  }
}

function unreadable(url: string, cause: unknown): CaissonError {
  return new CaissonError('FETCH_FAILED', `Cannot read "${url}": ${messageOf(cause)}`, {
    cause,
    hint: 'Mount the disk or ISO image at this directory, so that this user may read it',
  });
}
