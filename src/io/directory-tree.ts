import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { Readable as ReadableStream } from 'node:stream';
import { CaissonError, errnoOf } from '../core/index.ts';
import type { FileTree, TreeFile } from './file-tree.ts';
import { joinInside } from './safe-path.ts';

/**
 * The files of a directory. Paths cannot name anything outside it; symbolic links in it are followed, so the directory
 * must be one that the user trusts. A directory that does not exist is an empty tree.
 */
export function directoryTree(root: string): FileTree {
  return {
    stat: (path) => statFile(joinInside(root, path)),
    open: async (path, range) => {
      const full = joinInside(root, path);
      const file = await statFile(full);
      if (file === undefined) {
        throw new CaissonError('FILE_UNKNOWN', `Cannot open "${path}" in "${root}": there is no such file`);
      }
      return openRange(full, range);
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

async function statFile(path: string): Promise<TreeFile | undefined> {
  const stats = await ignoreMissing(stat(path));
  return stats?.isFile() === true ? { size: stats.size, modified: stats.mtime } : undefined;
}

async function ignoreMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
