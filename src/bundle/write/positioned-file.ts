import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, statfs, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CaissonError, errnoOf, formatSize, messageOf } from '../../core/index.ts';

/** Bytes of one block in `stat.blocks`. */
const STAT_BLOCK = 512;

/** A file of known size that is written at positions. Every failure is BUNDLE_WRITE_FAILED with its remedy. */
export class PositionedFile {
  readonly path: string;
  readonly #size: number;
  readonly #handle: FileHandle;

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path;
    this.#size = size;
    this.#handle = handle;
  }

  /** Opens a file as it is, or makes an empty one. */
  static async open(path: string, size: number): Promise<PositionedFile> {
    try {
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
      return new PositionedFile(path, size, handle);
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** Number of bytes that the disk must still provide; undefined when the file does not have its planned size. */
  async missing(): Promise<number | undefined> {
    const stats = await this.#handle.stat();
    return stats.size === this.#size ? Math.max(0, stats.size - stats.blocks * STAT_BLOCK) : undefined;
  }

  /** Tells this file, with this size, from another one that has the same name later. */
  async identity(): Promise<string> {
    return formatIdentity(await this.#handle.stat({ bigint: true }));
  }

  /** Sets the size of the file; a longer size adds sparse zeros. */
  async truncate(size = this.#size): Promise<void> {
    await this.#handle.truncate(size).catch((error: unknown) => {
      throw writeError(this.path, error);
    });
  }

  /** Fills a buffer with the bytes at a position, which must be inside the file. */
  async read(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.byteLength;) {
        const { bytesRead } = await this.#handle.read(bytes, done, bytes.byteLength - done, position + done);
        if (bytesRead === 0) throw new Error(`"${this.path}" ends at byte ${position + done}: something else writes to it`);
        done += bytesRead;
      }
    } catch (error) {
      throw writeError(this.path, error);
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

  /** Makes the written bytes survive a power cut. */
  async sync(): Promise<void> {
    await this.#handle.sync().catch((error: unknown) => {
      throw writeError(this.path, error);
    });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The identity that a file has once it is open; undefined when there is none, or something else. */
export async function identityOf(path: string): Promise<string | undefined> {
  const stats = await lstat(path, { bigint: true }).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw writeError(path, error);
  });
  return stats?.isFile() === true ? formatIdentity(stats) : undefined;
}

function formatIdentity({ dev, ino, size }: BigIntStats): string {
  return `${dev}:${ino}:${size}`;
}

/** Throws BUNDLE_WRITE_FAILED when the file system of a path has no room for `size` more bytes. */
export async function checkRoom(path: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  if (bavail * bsize >= size) return;
  throw new CaissonError(
    'BUNDLE_WRITE_FAILED',
    `Cannot write "${path}": it needs ${formatSize(size)}, free are ${formatSize(bavail * bsize)}`,
    {
      hint: 'Free space there and run the command again, or choose another --output',
    },
  );
}

/** An error of the file system as BUNDLE_WRITE_FAILED with its remedy; anything else as it is. */
export function writeError(path: string, error: unknown): unknown {
  if (error instanceof CaissonError) return error;
  const hints: Readonly<Record<string, string>> = {
    ENOSPC: 'The disk is full: free space there and run the command again, or choose another --output',
    EDQUOT: 'Your quota is used up: free space there and run the command again, or choose another --output',
    EFBIG: 'That file system cannot hold a file of this size: for FAT, which stops at 4 GiB, use --volume-size fat32',
    EIO: 'The disk reports a fault: look at the kernel log (dmesg), and choose an --output on another disk',
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
