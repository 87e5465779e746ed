import { constants } from 'node:fs';
import { open, statfs, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CaissonError, errnoOf, formatSize, messageOf } from '../core/index.ts';

/** A file of known size that is written at positions. Every failure is BUNDLE_WRITE_FAILED with its remedy. */
export class PositionedFile {
  readonly path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Starts over with a file of `size` zero bytes, without writing them. Refuses when the disk has no room for it. */
  static async create(path: string, size: number): Promise<PositionedFile> {
    try {
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
      try {
        await handle.truncate(0);
        await checkRoom(path, size);
        await handle.truncate(size);
      } catch (error) {
        await handle.close();
        throw error;
      }
      return new PositionedFile(path, handle);
    } catch (error) {
      throw writeError(path, error);
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let written = 0; written < bytes.byteLength;) {
        written += (await this.#handle.write(bytes, written, bytes.byteLength - written, position + written)).bytesWritten;
      }
    } catch (error) {
      throw writeError(this.path, error);
    }
  }

  /** Makes what was written survive a power cut. */
  async sync(): Promise<void> {
    await this.#handle.sync().catch((error: unknown) => {
      throw writeError(this.path, error);
    });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function checkRoom(path: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  if (bavail * bsize >= size) return;
  throw new CaissonError(
    'BUNDLE_WRITE_FAILED',
    `Cannot write "${path}": it needs ${formatSize(size)}, free are ${formatSize(bavail * bsize)}`,
    {
      hint: 'Free space there, or choose another --output',
    },
  );
}

export function writeError(path: string, error: unknown): unknown {
  if (error instanceof CaissonError) return error;
  const hints: Readonly<Record<string, string>> = {
    ENOSPC: 'The disk is full: free space there, or choose another --output',
    EDQUOT: 'Your quota is used up: free space there, or choose another --output',
    EFBIG: 'That file system cannot hold a file of this size (FAT stops at 4 GiB): choose another --output',
    ENOENT: 'Make its directory first, or choose another --output',
    EACCES: 'Choose an --output that you may write',
    EROFS: 'That file system is read-only: choose another --output',
    ELOOP: 'A symbolic link lies there: remove it, or choose another --output',
  };
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const hint = hints[errno];
  return new CaissonError('BUNDLE_WRITE_FAILED', `Cannot write "${path}": ${messageOf(error)}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
