import { dirname, join, relative } from 'node:path';
import { joinImageLists, parseImageList, type ImageListEntry, type SourceReference } from '../sources/index.ts';
import { readLists, textOfLists } from './read-lists.ts';

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
  const lists = (await readLists(paths, 'the list of images', readStdin)).map(({ path, file, content }) => ({
    file,
    content,
    entries: parseImageList(content, file).map((entry) => ({
      ...entry,
      file,
      source: relocated(entry.source, dirname(path), dirname(paths[0] ?? path)),
    })),
  }));
  return { content: textOfLists(lists), entries: joinImageLists(lists) };
}

function relocated(source: SourceReference, from: string, to: string): SourceReference {
  if (!('path' in source) || source.path.startsWith('/') || from === to) return source;
  return { ...source, path: relative(to, join(from, source.path)) };
}
