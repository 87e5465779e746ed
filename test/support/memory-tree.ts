import { Readable } from 'node:stream';
import type { FileTree } from '../../src/io/index.ts';

/** A tree of texts by path. */
export function memoryTree(files: Readonly<Record<string, string | Uint8Array>>): FileTree {
  const bytesOf = (path: string): Buffer | undefined => {
    const content = Object.hasOwn(files, path) ? files[path] : undefined;
    return content === undefined ? undefined : Buffer.from(content);
  };
  return {
    stat: async (path) => {
      const bytes = bytesOf(path);
      return bytes === undefined ? undefined : { size: bytes.length, modified: new Date(0) };
    },
    open: async (path, range) => {
      const bytes = bytesOf(path);
      if (bytes === undefined) throw new Error(`no file ${path}`);
      return Readable.from([range === undefined ? bytes : bytes.subarray(range.start, range.end)]);
    },
    list: async (directory) => {
      const prefix = directory === '' ? '' : `${directory}/`;
      const names = Object.keys(files)
        .filter((path) => path.startsWith(prefix))
        .map((path) => path.slice(prefix.length))
        .map((rest) => (rest.includes('/') ? rest.slice(0, rest.indexOf('/') + 1) : rest));
      return [...new Set(names)].sort();
    },
  };
}
