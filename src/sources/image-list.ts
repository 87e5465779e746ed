import { CaissonError, formatPlatform, InvalidInputError, parsePlatform, type InputProblem, type Platform } from '../core/index.ts';
import { formatReference, nameAsPath, parseReferenceAsWritten, repositoryName } from '../oci/index.ts';
import { joinLists, type Clash, type Entries } from './join-lists.ts';
import { decodeList, linesOf, type Line, type Word } from './list-lines.ts';
import { COUNTED_LIMIT, reportedProblems } from './list-problems.ts';
import { formatSource, nameOfSource, parseSource, type SourceReference } from './source-reference.ts';

/** An image of images.txt. */
export interface ImageListEntry {
  readonly source: SourceReference;
  /** The name that nodes use: a full name with tag, docker.io/library/nginx:1.27. */
  readonly name: string;
  /** The only platforms that it is wanted for; undefined for those of the build. */
  readonly platforms?: readonly Platform[];
  /** The first line that has it. 1-based. */
  readonly line: number;
}

/**
 * Parses lines of `SOURCE [as NAME] [platforms=OS/ARCHITECTURE,…]`; `#` starts a comment at the start of a line or after white space. Without NAME an
 * image keeps its own full name, which then needs a tag; a source without a name of its own needs NAME. Lines that say the
 * same image of the same name are one entry, with the digest that one of them has. Other names are unique, also as clients
 * write them behind the address of the depot. Throws INPUT_INVALID with every mistake, at most 200; where more than three
 * lines have one of a kind, they are one mistake that lists the lines.
 */
export function parseImageList(list: string | Uint8Array, file: string): readonly ImageListEntry[] {
  const problems: InputProblem[] = [];
  const entries = new ListedEntries<ImageListEntry>();
  for (const line of linesOf(typeof list === 'string' ? list : decodeList(list, file))) {
    if (problems.length >= COUNTED_LIMIT) break;
    const parsed = parseLine(line);
    if ('problems' in parsed) problems.push(...parsed.problems);
    else {
      const problem = entries.add(parsed, (before) => `line ${before.line}`);
      if (problem !== undefined) problems.push({ position: { line: line.number, column: line.words.at(-1)?.column ?? 1 }, ...problem });
    }
  }
  if (problems.length > 0) throw new InvalidInputError(file, reportedProblems(problems));
  return entries.all();
}

/** Unites the entries of several lists as those of one. Throws INPUT_INVALID for the first list that contradicts one before it. */
export function joinImageLists<E extends ImageListEntry>(
  lists: readonly { readonly file: string; readonly entries: readonly E[] }[],
): readonly E[] {
  return joinLists(lists, new ListedEntries<E>());
}

/** Entries of lists, one of each name, and of each path that clients write behind the address of the depot. */
class ListedEntries<E extends ImageListEntry> implements Entries<E> {
  readonly #byName = new Map<string, E>();
  readonly #byPath = new Map<string, E>();

  all(): readonly E[] {
    return [...this.#byName.values()];
  }

  add(entry: E, placeOf: (before: E) => string): Clash | undefined {
    const before = this.#byName.get(entry.name);
    if (before === undefined) return this.#addName(entry, placeOf);
    const source = common(before.source, entry.source);
    if (source !== undefined && platformsText(before) !== platformsText(entry)) {
      return {
        reason: `"${entry.name}" has other platforms on ${placeOf(before)}`,
        remedy: 'write the same platforms on both, or one line',
      };
    }
    if (source !== undefined) {
      this.#byName.set(entry.name, { ...before, source });
      return undefined;
    }
    return taggedName(before.source) === taggedName(entry.source)
      ? { reason: `"${entry.name}" has another digest on ${placeOf(before)}`, remedy: 'keep the line whose digest is right' }
      : { reason: `the name "${entry.name}" is taken by ${placeOf(before)}`, remedy: OTHER_NAME };
  }

  #addName(entry: E, placeOf: (before: E) => string): Clash | undefined {
    const { name } = entry;
    const path = nameAsPath(name);
    if (path.startsWith('/')) {
      // Such as [::], an address alone.
      return { reason: `no client can pull the name "${name}" from a depot: its registry has no letter or digit`, remedy: OTHER_NAME };
    }
    const other = this.#byPath.get(path);
    if (other !== undefined) {
      const clash = `clients pull "${name}" from a depot as "${path}", and that is "${other.name}" of ${placeOf(other)}`;
      return { reason: clash, remedy: OTHER_NAME };
    }
    this.#byName.set(name, entry);
    this.#byPath.set(path, entry);
    return undefined;
  }
}

function platformsText({ platforms }: ImageListEntry): string | undefined {
  return platforms?.map(formatPlatform).toSorted().join();
}

const OTHER_NAME = 'write another name after "as"';

/** The source that two sources of one image have in common, with the digest of either; undefined when they may be two images. */
function common(left: SourceReference, right: SourceReference): SourceReference | undefined {
  if (formatSource(left) === formatSource(right)) return left;
  if (!('image' in left) || !('image' in right) || left.image === undefined || right.image === undefined) return undefined;
  if (left.transport !== right.transport || repositoryName(left.image) !== repositoryName(right.image)) return undefined;
  if (left.image.digest === undefined) return left.image.tag === right.image.tag ? right : undefined;
  if (right.image.digest === undefined) return left.image.tag === right.image.tag ? left : undefined;
  if (left.image.digest !== right.image.digest) return undefined;
  return left.image.tag === undefined ? right : left;
}

function taggedName(source: SourceReference): string {
  if (!('image' in source) || source.image === undefined) return formatSource(source);
  const { domain, repository, tag } = source.image;
  return `${source.transport}:${formatReference({ domain, repository, ...(tag === undefined ? {} : { tag }) })}`;
}

const PLATFORMS = /^platforms=/;
/** Other ways in which programs are told a platform. */
const LIKE_PLATFORMS = /^(?:--)?platforms?(?:=|$)/;

function parseLine({ words, number }: Line): ImageListEntry | { problems: InputProblem[] } {
  const last = words.at(-1);
  const platformsWord = words.length > 1 && last !== undefined && PLATFORMS.test(last.text) ? last : undefined;
  const [sourceWord, asWord, nameWord, extra] = platformsWord === undefined ? words : words.slice(0, -1);
  const problems: InputProblem[] = [];
  const report = (word: Word | undefined, reason: string, remedy?: string): void => {
    problems.push({ position: { line: number, column: word?.column ?? 1 }, reason, ...(remedy === undefined ? {} : { remedy }) });
  };
  const read = <T>(word: Word | undefined, parse: (text: string) => T): T | undefined => {
    try {
      return word === undefined ? undefined : parse(word.text);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      report(word, error.message, error.hint);
      return undefined;
    }
  };

  if (words.some(({ text }) => text.includes('{{') || text.includes('${'))) {
    report(sourceWord, 'has a placeholder of a template', 'write the image that it stands for');
    return { problems };
  }
  const misplaced = [sourceWord, asWord, nameWord, extra].find((word) => word !== undefined && LIKE_PLATFORMS.test(word.text));
  if (misplaced !== undefined) {
    report(
      misplaced,
      `"${misplaced.text}" is not expected here`,
      'write the platforms last: SOURCE as NAME platforms=linux/amd64,linux/arm64',
    );
    return { problems };
  }
  const platforms = read(platformsWord, readPlatforms);
  const source = read(sourceWord, parseSource);
  if (asWord !== undefined && asWord.text !== 'as')
    report(asWord, `"${asWord.text}" is not expected here`, 'write SOURCE, or SOURCE as NAME');
  else if (asWord !== undefined && nameWord === undefined) report(asWord, 'no name follows "as"', 'write SOURCE as NAME');
  else if (extra !== undefined) report(extra, `"${extra.text}" is not expected here`, 'write one image a line');

  const own = source === undefined ? undefined : nameOfSource(source);
  const name = nameWord === undefined ? own : read(nameWord, parseReferenceAsWritten);
  if (nameWord === undefined && source !== undefined && own === undefined)
    report(sourceWord, `"${sourceWord?.text ?? ''}" has no name of its own`, 'name it: SOURCE as NAME:TAG');
  else if (nameWord !== undefined && name?.digest !== undefined)
    report(nameWord, `the name "${nameWord.text}" has a digest`, 'write NAME:TAG');
  else if (name !== undefined && name.tag === undefined) {
    if (nameWord === undefined) report(sourceWord, `"${sourceWord?.text ?? ''}" has a digest but no tag`, 'name it: SOURCE as NAME:TAG');
    else report(nameWord, `the name "${nameWord.text}" has no tag`, 'write NAME:TAG');
  }
  if (problems.length > 0 || source === undefined || name?.tag === undefined) return { problems };
  const full = formatReference({ domain: name.domain, repository: name.repository, tag: name.tag });
  return { source, name: full, ...(platforms === undefined ? {} : { platforms }), line: number };
}

/** Reads `platforms=linux/amd64,linux/arm64`. Throws PLATFORM_INVALID. */
function readPlatforms(text: string): readonly Platform[] {
  const platforms = text.replace(PLATFORMS, '').split(',').map(parsePlatform);
  return [...new Map(platforms.map((platform) => [formatPlatform(platform), platform])).values()];
}
