import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import gitignore, { type Ignore } from 'ignore';
import { compareText, formatSize, type Event } from '../core/index.ts';
import { ifPresent, readTextFile } from '../io/index.ts';

/** Names files that are meant to lie beside the manifests without being sealed, in the syntax of gitignore. */
const IGNORE_FILE = '.caissonignore';

/** Most strays that are named one by one. */
const NAMED_LIMIT = 5;
/** Files of one directory that are counted; a directory with more is said to have more. */
const COUNT_LIMIT = 10_000;

/** A file, or a directory without any sealed file, which is then named as one. */
interface Stray {
  /** Below the directory; one of a directory ends in a slash. */
  readonly path: string;
  readonly files: number;
  /** In bytes. */
  readonly size: number;
}

interface Survey {
  readonly root: string;
  readonly sealed: ReadonlySet<string>;
  /** Every directory that holds a sealed file, however deep. */
  readonly holding: ReadonlySet<string>;
  readonly ignored: Ignore;
}

/**
 * Warnings about files below a directory that are not sealed and that its .caissonignore does not name: one each of the
 * first, and one of all others together. Links are not followed. `sealed` has paths below the directory. Throws
 * INPUT_UNREADABLE for a .caissonignore that cannot be read.
 */
export async function strayWarnings(root: string, sealed: ReadonlySet<string>): Promise<readonly Event[]> {
  const strays = await straysIn(root, sealed);
  const named = strays.slice(0, NAMED_LIMIT);
  const rest = strays.slice(NAMED_LIMIT);
  const others = { files: rest.reduce((sum, { files }) => sum + files, 0), size: rest.reduce((sum, { size }) => sum + size, 0) };
  const hint = `Refer to it from a document, or name it in ${join(root, IGNORE_FILE)} if it is meant to stay out`;
  return [
    ...named.map((stray) => `"${join(root, stray.path)}" (${measure(stray)}) is not in the bundle: no document refers to it`),
    ...(rest.length === 0 ? [] : [`${rest.length} more below "${root}" (${measure(others)}) are not in the bundle`]),
  ].map((message) => ({ type: 'warning', message, hint }));
}

/** All strays below a directory, in the order of their paths. */
export async function straysIn(root: string, sealed: ReadonlySet<string>): Promise<readonly Stray[]> {
  const ignored = gitignore.default({ ignorecase: false, allowRelativePaths: true }).add(`/${IGNORE_FILE}`);
  ignored.add((await ifPresent(() => readTextFile(join(root, IGNORE_FILE)))) ?? '');
  const holding = new Set([...sealed].flatMap(parentsOf));
  return straysBelow('', { root, sealed, holding, ignored });
}

async function straysBelow(directory: string, survey: Survey): Promise<Stray[]> {
  const strays: Stray[] = [];
  for (const { path, isDirectory } of await entriesOf(directory, survey)) {
    if (!isDirectory) strays.push({ path, files: 1, size: await sizeOf(path, survey) });
    else if (survey.holding.has(path)) strays.push(...(await straysBelow(path, survey)));
    else {
      const counted = await count(path, survey);
      if (counted.files > 0) strays.push({ path: `${path}/`, ...counted });
    }
  }
  return strays;
}

/** Counts files until there are more than COUNT_LIMIT. A directory that cannot be read counts as one file. */
async function count(directory: string, survey: Survey): Promise<Omit<Stray, 'path'>> {
  let [files, size] = [0, 0];
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const entries = await entriesOf(next, survey).catch(() => [{ path: next, isDirectory: false }]);
    for (const { path, isDirectory } of entries) {
      if (files > COUNT_LIMIT) return { files, size };
      if (isDirectory) waiting.push(path);
      else {
        files += 1;
        size += await sizeOf(path, survey);
      }
    }
  }
  return { files, size };
}

interface Entry {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Everything in a directory that is neither sealed nor ignored, nor a link in the place of a directory with sealed files. */
async function entriesOf(directory: string, { root, sealed, holding, ignored }: Survey): Promise<Entry[]> {
  const entries = await readdir(join(root, directory), { withFileTypes: true });
  return entries
    .map((entry) => ({ path: directory === '' ? entry.name : `${directory}/${entry.name}`, isDirectory: entry.isDirectory() }))
    .filter(({ path, isDirectory }) => !sealed.has(path) && (isDirectory || !holding.has(path)))
    .filter(({ path, isDirectory }) => !ignored.ignores(isDirectory ? `${path}/` : path))
    .toSorted((left, right) => compareText(left.path, right.path));
}

async function sizeOf(path: string, { root }: Survey): Promise<number> {
  return (await ifPresent(() => lstat(join(root, path))))?.size ?? 0;
}

function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join('/'));
}

function measure({ files, size }: Omit<Stray, 'path'>): string {
  const number = files > COUNT_LIMIT ? `more than ${COUNT_LIMIT} files` : files === 1 ? undefined : `${files} files`;
  return number === undefined ? formatSize(size) : `${number}, ${formatSize(size)}`;
}
