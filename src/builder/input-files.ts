import { readFile, stat } from 'node:fs/promises';
import { CaissonError, digestOf, errnoOf, formatPlatform, formatSize, messageOf } from '../core/index.ts';
import { readLimited, type FileTree } from '../io/index.ts';
import type { ExecutableFile } from './executables.ts';
import type { LockedExecutable, LockedFile } from './lock.ts';
import type { InputFile } from './plan.ts';

/** Most bytes of a file that people write. */
const FILE_LIMIT = 16 * 1024 * 1024;
const FILES_LIMIT = 10_000;

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

/** Every file of a tree, in the order of their paths, under a prefix. Throws LIMIT_EXCEEDED for too many or too large. */
export async function readTree(tree: FileTree, prefix: string): Promise<InputFile[]> {
  const files: InputFile[] = [];
  const walk = async (directory: string): Promise<void> => {
    for (const name of await tree.list(directory)) {
      const path = directory === '' ? name : `${directory}/${name}`;
      if (name.endsWith('/')) await walk(path.slice(0, -1));
      else files.push({ path: `${prefix}/${path}`, content: await readTreeFile(tree, path) });
      if (files.length > FILES_LIMIT)
        throw new CaissonError('LIMIT_EXCEEDED', `Cannot bundle "${prefix}": it has more than ${FILES_LIMIT} files`);
    }
  };
  await walk('');
  return files;
}

export function lockedExecutable({ platform, digest, size }: ExecutableFile): LockedExecutable {
  return { platform: formatPlatform(platform), digest, size };
}

export function lockedFile({ path, content }: InputFile): LockedFile {
  return { path, digest: digestOf(content), size: content.byteLength };
}
