import { dirname, join } from 'node:path';
import { isThere } from '../io/index.ts';
import { joinFileLists, parseFileList, type FileListEntry } from '../sources/index.ts';
import { readLists, textOfLists } from './read-lists.ts';

/** Name of the list of files beside the list of images, and in the bundle. */
export const FILES_MEMBER = 'files.txt';

/** A file of a list, and the list that has it. */
export interface ListedFile extends FileListEntry {
  readonly file: string;
}

export interface ListedFiles {
  /** Paths of the lists. */
  readonly paths: readonly string[];
  /** The bytes of the list; of several the text of all, one after the other. Undefined where there is no list. */
  readonly content?: Uint8Array;
  readonly entries: readonly ListedFile[];
}

/**
 * Paths of the lists of files: those that are named, else files.txt in the directory of the first list of images if there is
 * one.
 */
export async function fileListPaths(named: readonly string[] | undefined, images: readonly string[]): Promise<readonly string[]> {
  if (named !== undefined) return named;
  const beside = join(dirname(images[0] ?? ''), FILES_MEMBER);
  return (await isThere(beside)) ? [beside] : [];
}

/** Reads lists of files as one: lines that say the same are one entry. Throws INPUT_UNREADABLE, LIMIT_EXCEEDED, INPUT_INVALID, USAGE. */
export async function readFileLists(paths: readonly string[], readStdin: () => Promise<Uint8Array>): Promise<ListedFiles> {
  if (paths.length === 0) return { paths, entries: [] };
  const lists = (await readLists(paths, 'the list of files', readStdin)).map(({ file, content }) => ({
    file,
    content,
    entries: parseFileList(content, file).map((entry) => ({ ...entry, file })),
  }));
  return { paths, content: textOfLists(lists), entries: joinFileLists(lists) };
}
