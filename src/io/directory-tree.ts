import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { Readable as ReadableStream } from 'node:stream';
import { CaissonError, errnoOf } from '../core/index.ts';
import type { FileTree, TreeFile } from './file-tree.ts';
import { joinInside } from './safe-path.ts';

/**
 * The files of a directory. Neither paths nor symbolic links lead outside: a file that a link would bring in from there
 * throws PATH_UNSAFE. A directory that does not exist is an empty tree.
 */
export function directoryTree(root: string): FileTree {
  return {
    stat: (path) => statFile(root, path),
    open: async (path, range) => {
      const file = await statFile(root, path);
      if (file === undefined) {
        throw new CaissonError('FILE_UNKNOWN', `Cannot open "${path}" in "${root}": there is no such file`);
      }
      return openRange(joinInside(root, path), range);
    },
    list: async (directory) => {
      const entries = await ignoreMissing(readdir(directory === '' ? root : joinInside(root, directory), { withFileTypes: true }));
      return (entries ?? []).map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
    },
  };
}

function openRange(path: string, range: { readonly start: number; readonly end: number } | undefined): Readable {
  if (range === undefined) return createReadStream(path);
  // The end of createReadStream is inclusive, so it cannot read an empty range.
  if (range.end <= range.start) return ReadableStream.from([]);
  return createReadStream(path, { start: range.start, end: range.end - 1 });
}

async function statFile(root: string, path: string): Promise<TreeFile | undefined> {
  const full = joinInside(root, path);
  const stats = await ignoreMissing(stat(full));
  if (stats?.isFile() !== true) return undefined;
  const [top, real] = await Promise.all([realpath(root), realpath(full)]);
  if (isOutside(relative(top, real))) {
    throw new CaissonError('PATH_UNSAFE', `Cannot read "${path}" in "${root}": a link leads out of that directory, to "${real}"`, {
      hint: 'Put a copy of the file there instead of the link',
    });
  }
  return { size: stats.size, modified: stats.mtime };
}

function isOutside(path: string): boolean {
  return path === '..' || path.startsWith(`..${sep}`);
}

async function ignoreMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
