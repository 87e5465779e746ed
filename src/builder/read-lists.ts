import { CaissonError } from '../core/index.ts';
import { decodeList } from '../sources/index.ts';
import { readInputFile } from './input-files.ts';

/** In the place of a path: the standard input. */
const STDIN = '-';

/** A list that a person wrote. */
export interface ReadList {
  /** As the person named it. */
  readonly path: string;
  /** Its name for messages. */
  readonly file: string;
  readonly content: Uint8Array;
}

/** Reads lists; `what` is what they are. Throws INPUT_UNREADABLE, LIMIT_EXCEEDED, USAGE. */
export async function readLists(
  paths: readonly string[],
  what: string,
  readStdin: () => Promise<Uint8Array>,
): Promise<readonly ReadList[]> {
  requireOneStdin(paths);
  const lists: ReadList[] = [];
  for (const path of paths)
    lists.push({ path, file: listName(path), content: path === STDIN ? await readStdin() : await readInputFile(path, what) });
  return lists;
}

/** Throws USAGE when several of these lists are the standard input. */
export function requireOneStdin(paths: readonly string[]): void {
  if (paths.filter((path) => path === STDIN).length > 1) throw new CaissonError('USAGE', 'Cannot read the standard input twice');
}

/** The bytes of the list; of several the text of all, one after the other. Throws INPUT_INVALID. */
export function textOfLists(lists: readonly Pick<ReadList, 'file' | 'content'>[]): Uint8Array {
  const [only, ...more] = lists;
  if (only !== undefined && more.length === 0) return only.content;
  return Buffer.from(lists.map(({ content, file }) => `${decodeList(content, file).trimEnd()}\n`).join(''));
}

/** The name of a list for messages. */
export function listName(path: string): string {
  return path === STDIN ? 'standard input' : path;
}
