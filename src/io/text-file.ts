import { open, type FileHandle } from 'node:fs/promises';
import { CaissonError, errnoOf, formatSize, messageOf } from '../core/index.ts';

export const TEXT_FILE_LIMIT = 1024 * 1024;

/** Reads a small text file that the user named, at most 1 MiB. Throws INPUT_UNREADABLE. */
export async function readTextFile(path: string): Promise<string> {
  return readOpened(path, async (file) => readBounded(file, path, TEXT_FILE_LIMIT));
}

/** The file, or undefined when there is none of this name. Whatever else `read` throws is thrown. */
export async function ifPresent<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (errnoOf(error instanceof CaissonError ? error.cause : error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Opens a file for `read` and closes it. Errors of the system become INPUT_UNREADABLE. */
export async function readOpened<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    return await read(file);
  } catch (cause) {
    throw cause instanceof CaissonError ? cause : unreadable(path, messageOf(cause), cause);
  } finally {
    await file?.close();
  }
}

/** The text of an opened file or pipe. Reads no more than one byte over the limit, and throws INPUT_UNREADABLE then. */
export async function readBounded(file: FileHandle, path: string, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size <= limit) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(limit + 1 - size, 64 * 1024)));
    if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
    chunks.push(buffer.subarray(0, bytesRead));
    size += bytesRead;
  }
  throw unreadable(path, `it is larger than ${formatSize(limit)}`);
}

export function unreadable(path: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${reason}`, cause === undefined ? {} : { cause });
}
