import { CaissonError, InvalidInputError, type InputProblem } from '../core/index.ts';
import { formatReference, parseReferenceAsWritten } from '../oci/index.ts';
import { nameOfSource, parseSource, type SourceReference } from './source-reference.ts';

/** One line of images.txt. */
export interface ImageListEntry {
  readonly source: SourceReference;
  /** The name that nodes use: a full name with tag, docker.io/library/nginx:1.27. */
  readonly name: string;
  /** 1-based. */
  readonly line: number;
}

/** Most mistakes that are reported. */
const PROBLEM_LIMIT = 200;

interface Word {
  readonly text: string;
  readonly column: number;
}

/**
 * Parses lines of `SOURCE [as NAME]`; `#` starts a comment at the start of a line or after white space. Without NAME an
 * image keeps its own full name, which then needs a tag; a source without a name of its own needs NAME. Names are
 * unique. Throws INPUT_INVALID with every mistake, at most 200.
 */
export function parseImageList(text: string, file: string): readonly ImageListEntry[] {
  const problems: InputProblem[] = [];
  const entries: ImageListEntry[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, content] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (problems.length >= PROBLEM_LIMIT) break;
    const line = index + 1;
    const words = wordsOf(content);
    if (words.length === 0) continue;
    const parsed = parseLine(words, line);
    if ('problems' in parsed) {
      problems.push(...parsed.problems);
      continue;
    }
    const before = lineOf.get(parsed.name);
    if (before === undefined) {
      lineOf.set(parsed.name, line);
      entries.push(parsed);
    } else {
      const column = words.at(-1)?.column ?? 1;
      problems.push({
        position: { line, column },
        reason: `the name "${parsed.name}" is taken by line ${before}`,
        remedy: 'write another name after "as"',
      });
    }
  }
  if (problems.length > 0) throw new InvalidInputError(file, problems);
  return entries;
}

function wordsOf(line: string): Word[] {
  const content = line.replace(/(?:^|\s)#.*$/, '');
  return [...content.matchAll(/\S+/g)].map((match) => ({ text: match[0], column: match.index + 1 }));
}

function parseLine(words: readonly Word[], line: number): ImageListEntry | { problems: InputProblem[] } {
  const [sourceWord, asWord, nameWord, extra] = words;
  const problems: InputProblem[] = [];
  const report = (word: Word | undefined, reason: string, remedy?: string): void => {
    problems.push({ position: { line, column: word?.column ?? 1 }, reason, ...(remedy === undefined ? {} : { remedy }) });
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
  return { source, name: formatReference({ domain: name.domain, repository: name.repository, tag: name.tag }), line };
}
