import { InvalidInputError, isDigest, type Digest, type InputProblem } from '../core/index.ts';
import { unsafeReason } from '../io/index.ts';
import { joinLists, type Clash, type Entries } from './join-lists.ts';
import { decodeList, linesOf, type Line, type Word } from './list-lines.ts';
import { COUNTED_LIMIT, reportedProblems } from './list-problems.ts';

/** A file of files.txt. */
export interface FileListEntry {
  /** A relative path of letters, digits and . _ + ~ @ = : / -, by which a site finds the file. */
  readonly name: string;
  /** An http, https or file URL as it is written, without user, password and fragment. */
  readonly url: string;
  /** The digest that the line promises. */
  readonly digest?: Digest;
  /** The first line that has it. 1-based. */
  readonly line: number;
}

const NAME = /^[A-Za-z0-9._+~@=:/-]+$/;
/** In characters. The path in the bundle, which has `files/` before the name, may have 1024. */
const NAME_LIMIT = 1000;
const COMPONENT_LIMIT = 255;
const DEPTH_LIMIT = 32;

/** Most characters of a word that a message repeats. */
const SHOWN = 200;

const FORM = 'write URL as NAME sha256:HEX; "as NAME" and the digest may be left out';
const OTHER_NAME = 'write another name after "as"';

/**
 * Parses lines of `URL [as NAME] [sha256:HEX]`, with comments as in images.txt. Without NAME a file keeps the last part of its
 * URL. Lines that say the same are one entry, with the digest that one of them has. Names are unique, and none lies below another.
 * Throws INPUT_INVALID with every mistake, reported as those of parseImageList.
 */
export function parseFileList(list: string | Uint8Array, file: string): readonly FileListEntry[] {
  const problems: InputProblem[] = [];
  const entries = new ListedFiles<FileListEntry>();
  for (const line of linesOf(typeof list === 'string' ? list : decodeList(list, file))) {
    if (problems.length >= COUNTED_LIMIT) break;
    const parsed = parseLine(line);
    if ('problems' in parsed) problems.push(...parsed.problems);
    else {
      const clash = entries.add(parsed, (before) => `line ${before.line}`);
      if (clash !== undefined) problems.push({ position: { line: parsed.line, column: 1 }, ...clash });
    }
  }
  if (problems.length > 0) throw new InvalidInputError(file, reportedProblems(problems));
  return entries.all();
}

/** Unites the entries of several lists as those of one. Throws INPUT_INVALID for the first list that contradicts one before it. */
export function joinFileLists<E extends FileListEntry>(
  lists: readonly { readonly file: string; readonly entries: readonly E[] }[],
): readonly E[] {
  return joinLists(lists, new ListedFiles<E>());
}

/** Entries of lists, one of each name. */
class ListedFiles<E extends FileListEntry> implements Entries<E> {
  readonly #byName = new Map<string, E>();
  /** A file below each directory that a name has above it. */
  readonly #below = new Map<string, E>();

  all(): readonly E[] {
    return [...this.#byName.values()];
  }

  add(entry: E, placeOf: (before: E) => string): Clash | undefined {
    const { name, url, digest } = entry;
    const before = this.#byName.get(name);
    if (before !== undefined) {
      if (before.url !== url) return { reason: `the name "${name}" is taken by ${placeOf(before)}`, remedy: OTHER_NAME };
      if (digest !== undefined && before.digest !== undefined && before.digest !== digest)
        return { reason: `"${name}" has another digest on ${placeOf(before)}`, remedy: 'keep the line whose digest is right' };
      if (before.digest === undefined && digest !== undefined) this.#byName.set(name, { ...before, digest });
      return undefined;
    }
    const above = directoriesOf(name).flatMap((directory) => this.#byName.get(directory) ?? [])[0];
    const neighbour = above ?? this.#below.get(name);
    if (neighbour !== undefined) {
      const [file, directory] = above === undefined ? [name, neighbour.name] : [above.name, name];
      return { reason: `"${file}" cannot be a file and have "${directory}" below it, see ${placeOf(neighbour)}`, remedy: OTHER_NAME };
    }
    this.#byName.set(name, entry);
    for (const directory of directoriesOf(name)) if (!this.#below.has(directory)) this.#below.set(directory, entry);
    return undefined;
  }
}

function directoriesOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join('/'));
}

function parseLine({ words, number }: Line): FileListEntry | { problems: InputProblem[] } {
  const [urlWord, ...rest] = words;
  const problems: InputProblem[] = [];
  const report = (word: Word | undefined, reason: string, remedy: string): { problems: InputProblem[] } => {
    problems.push({ position: { line: number, column: word?.column ?? 1 }, reason, remedy });
    return { problems };
  };
  const url = urlWord?.text ?? '';
  if (words.some(({ text }) => text.includes('{{') || text.includes('${')))
    return report(urlWord, 'has a placeholder of a template', 'write the URL that it stands for');
  const urlMistake = mistakeOfUrl(url);
  if (urlMistake !== undefined) return report(urlWord, ...urlMistake);
  const digestWord = rest.at(-1)?.text.startsWith('sha256:') === true ? rest.pop() : undefined;
  const [asWord, nameWord, extra] = rest;
  if (digestWord !== undefined && !isDigest(digestWord.text))
    return report(
      digestWord,
      `${quoted(digestWord.text)} is not a digest`,
      'write sha256: and 64 hex digits in lower case, as sha256sum prints them',
    );
  if (asWord !== undefined && asWord.text !== 'as') return report(asWord, `${quoted(asWord.text)} is not expected here`, FORM);
  if (asWord !== undefined && nameWord === undefined) return report(asWord, 'no name follows "as"', FORM);
  if (extra !== undefined) return report(extra, `${quoted(extra.text)} is not expected here`, FORM);
  const name = nameWord?.text ?? lastPart(url);
  if (name === undefined) return report(urlWord, `${quoted(url)} has no name of its own`, 'name it: URL as NAME');
  const mistake = mistakeOfName(name);
  if (mistake !== undefined) return report(nameWord ?? urlWord, `the name ${quoted(name)} cannot be a file's: ${mistake}`, OTHER_NAME);
  const digest = digestWord === undefined || !isDigest(digestWord.text) ? undefined : digestWord.text;
  return { name, url, ...(digest === undefined ? {} : { digest }), line: number };
}

/** Why a text cannot be the URL of a file, and the remedy. */
function mistakeOfUrl(text: string): readonly [reason: string, remedy: string] | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(?:https?|file):\/\//i.test(text)) return [`${quoted(text)} is not an http, https or file URL`, FORM];
  if (url.username !== '' || url.password !== '')
    return ['has a user or password in its URL', 'write them into the file that NETRC names, or into ~/.netrc, with mode 600'];
  if (url.hash !== '' || text.endsWith('#'))
    return [`${quoted(text)} has a fragment, which no server sees`, 'write it without "#" and the rest'];
  if (url.protocol === 'file:' && (url.host !== '' || url.search !== ''))
    return [`${quoted(text)} is not a file of this machine`, 'write file:/// and the whole path'];
  return undefined;
}

function quoted(text: string): string {
  return `"${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}"`;
}

function mistakeOfName(name: string): string | undefined {
  const unsafe = unsafeReason(name);
  if (unsafe !== undefined) return unsafe;
  if (!NAME.test(name)) return 'it has characters other than letters, digits and . _ + ~ @ = : / -';
  const parts = name.split('/');
  const isLong = name.length > NAME_LIMIT || parts.length > DEPTH_LIMIT || parts.some(({ length }) => length > COMPONENT_LIMIT);
  return isLong ? 'it is too long' : undefined;
}

/** The last part of the path of a URL, without its escapes; undefined where there is none. */
function lastPart(text: string): string | undefined {
  const { pathname } = new URL(text);
  const part = pathname.slice(pathname.lastIndexOf('/') + 1);
  try {
    return part === '' ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
