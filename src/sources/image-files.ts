import { open, stat, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { joinInside, limitExceeded, readLimited } from '../io/index.ts';

/** The files of an image layout, in a directory or in an archive, by their relative paths. */
export interface ImageFiles {
  /** For messages: the path that the user may look at. */
  readonly path: string;
  /** Bytes of a regular file; undefined when there is none under that path. */
  size(path: string): Promise<number | undefined>;
  /** Streams a file from `offset` on. Throws INPUT_UNREADABLE when it is not there. */
  open(path: string, offset: number): Promise<Readable>;
  close(): Promise<void>;
}

/** A small file as a whole; undefined when it is not there. Throws LIMIT_EXCEEDED. */
export async function readSmall(files: ImageFiles, path: string, limit: number): Promise<Buffer | undefined> {
  const size = await files.size(path);
  if (size === undefined) return undefined;
  const what = `"${path}" of "${files.path}"`;
  if (size > limit) throw limitExceeded(what, limit);
  return readLimited(await files.open(path, 0), limit, what);
}

/** Files of a directory. Symbolic links in it are followed: it is a directory of this machine, and every blob is checked. */
export class DirectoryFiles implements ImageFiles {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Throws INPUT_UNREADABLE when there is no such directory. */
  static async open(path: string): Promise<DirectoryFiles> {
    const stats = await stat(path).catch((error: unknown) => {
      throw unreadable(path, errnoOf(error) === 'ENOENT' ? 'there is no such directory' : messageOf(error), error);
    });
    if (!stats.isDirectory()) {
      throw unreadable(path, 'it is not a directory', undefined, 'An archive is named as oci-archive:FILE or docker-archive:FILE');
    }
    return new DirectoryFiles(path);
  }

  async size(path: string): Promise<number | undefined> {
    try {
      const stats = await stat(joinInside(this.path, path));
      return stats.isFile() ? stats.size : undefined;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      if (error instanceof CaissonError) throw error;
      throw unreadable(this.path, messageOf(error), error);
    }
  }

  async open(path: string, offset: number): Promise<Readable> {
    const full = joinInside(this.path, path);
    let handle: FileHandle;
    try {
      handle = await open(full, 'r');
    } catch (error) {
      throw unreadable(full, errnoOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error), error);
    }
    return handle.createReadStream({ start: offset, highWaterMark: 1024 * 1024 });
  }

  async close(): Promise<void> {}
}

function unreadable(path: string, reason: string, cause: unknown, hint?: string): CaissonError {
  return new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    ...(hint === undefined ? {} : { hint }),
  });
}
