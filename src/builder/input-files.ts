import { readFile, stat } from 'node:fs/promises';
import { CaissonError, digestOf, errnoOf, formatPlatform, formatSize, messageOf } from '../core/index.ts';
import { readLimited, type FileTree } from '../io/index.ts';
import type { ExecutableFile } from './executables.ts';
import type { LockedExecutable, LockedFile } from './lock.ts';
import type { InputFile } from './plan.ts';

/** Most bytes of a file that people write. */
const FILE_LIMIT = 16 * 1024 * 1024;

/** Reads a file that the user named. Throws INPUT_UNREADABLE, LIMIT_EXCEEDED. */
export async function readInputFile(path: string, what: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > FILE_LIMIT)
      throw new CaissonError('LIMIT_EXCEEDED', `Cannot read ${what} "${path}": it is larger than ${formatSize(FILE_LIMIT)}`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof CaissonError) throw error;
    const reason = errnoOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read ${what} "${path}": ${reason}`, { cause: error });
  }
}

/** Reads one file of a tree. Throws FILE_UNKNOWN, LIMIT_EXCEEDED. */
export async function readTreeFile(tree: FileTree, path: string): Promise<Buffer> {
  return readLimited(await tree.open(path), FILE_LIMIT, `"${path}"`);
}

export function lockedExecutable({ platform, digest, size }: ExecutableFile): LockedExecutable {
  return { platform: formatPlatform(platform), digest, size };
}

export function lockedFile({ path, content }: InputFile): LockedFile {
  return { path, digest: digestOf(content), size: content.byteLength };
}
