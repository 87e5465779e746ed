import { dirname, join, relative } from 'node:path';
import { CaissonError } from '../core/index.ts';
import { decodeList, joinImageLists, parseImageList, type ImageListEntry, type SourceReference } from '../sources/index.ts';
import { readInputFile } from './input-files.ts';

/** In the place of a path: the standard input. */
const STDIN = '-';

/** An image of a list, and the file that lists it. */
export interface ListedImage extends ImageListEntry {
  readonly file: string;
}

export interface ListedImages {
  /** The bytes of the list; of several the text of all, one after the other. */
  readonly content: Uint8Array;
  readonly entries: readonly ListedImage[];
}

/**
 * Reads lists of images as one: lines that say the same are one entry. Paths of archives become relative to the directory of
 * the first list, from which they are opened. Throws INPUT_UNREADABLE, LIMIT_EXCEEDED, INPUT_INVALID, USAGE.
 */
export async function readImageLists(paths: readonly string[], readStdin: () => Promise<Uint8Array>): Promise<ListedImages> {
  if (paths.filter((path) => path === STDIN).length > 1) throw new CaissonError('USAGE', 'Cannot read the standard input twice');
  const lists: { readonly file: string; readonly content: Uint8Array; readonly entries: readonly ListedImage[] }[] = [];
  for (const path of paths) {
    const file = listName(path);
    const content = path === STDIN ? await readStdin() : await readInputFile(path, 'the list of images');
    const entries = parseImageList(content, file).map((entry) => ({
      ...entry,
      file,
      source: relocated(entry.source, dirname(path), dirname(paths[0] ?? path)),
    }));
    lists.push({ file, content, entries });
  }
  const [only, ...more] = lists;
  const joined = lists.map(({ content, file }) => `${decodeList(content, file).trimEnd()}\n`).join('');
  return {
    content: only !== undefined && more.length === 0 ? only.content : Buffer.from(joined),
    entries: joinImageLists(lists),
  };
}

/** The name of a list for messages. */
export function listName(path: string): string {
  return path === STDIN ? 'standard input' : path;
}

function relocated(source: SourceReference, from: string, to: string): SourceReference {
  if (!('path' in source) || source.path.startsWith('/') || from === to) return source;
  return { ...source, path: relative(to, join(from, source.path)) };
}
