import { InvalidInputError } from '../core/index.ts';

/** A word of a line, without quotes. */
export interface Word {
  readonly text: string;
  /** 1-based. */
  readonly column: number;
}

export interface Line {
  /** 1-based. */
  readonly number: number;
  readonly words: readonly Word[];
}

const UTF_16: readonly (readonly [string, string])[] = [
  ['\xFF\xFE', 'utf-16le'],
  ['\xFE\xFF', 'utf-16be'],
];

/**
 * Decodes a list: UTF-8, or UTF-16 behind its byte order mark, as editors of Windows save it. Throws INPUT_INVALID for other
 * encodings.
 */
export function decodeList(bytes: Uint8Array, file: string): string {
  const mark = Buffer.from(bytes.subarray(0, 2)).toString('latin1');
  const encoding = UTF_16.find(([start]) => start === mark)?.[1] ?? 'utf-8';
  const remedy = 'save it as UTF-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    throw new InvalidInputError(file, [{ reason: `is not text in ${encoding.toUpperCase()}`, remedy }]);
  }
  throw new InvalidInputError(file, [{ reason: 'has NUL characters, as UTF-16 without a byte order mark has', remedy }]);
}

/**
 * The lines of a list that say something, without comments and without what published lists have around their images: the
 * dash of YAML, `image:` with the name of the file before it that grep prints, quotes with a comma behind them.
 */
export function* linesOf(text: string): Generator<Line> {
  for (const [index, content] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const words = wordsOf(content);
    if (words.length > 0) yield { number: index + 1, words };
  }
}

const COMMENT = /(?:^|\s)#.*$/;
/** A line that stands in YAML between images and has none. */
const YAML_FRAME = /^\s*(?:---|images:)\s*$/;
/** `values.yaml:12:` before a line that has `image:`, as `grep -n` and `grep -r` print it. */
const GREP_PLACE = /^[^\s:]+:(?:\d+:)?(?=\s*(?:-\s+)?["']?image["']?:\s)/;
const LEADING = /^\s*(?:-\s+)?(?:["']?image["']?:\s+)?/;
const QUOTED = /^(["'`])(.+)\1,?$/;

function wordsOf(line: string): Word[] {
  const content = line.replace(COMMENT, '');
  if (YAML_FRAME.test(content)) return [];
  const place = GREP_PLACE.exec(content)?.[0].length ?? 0;
  const start = place + (LEADING.exec(content.slice(place))?.[0].length ?? 0);
  return [...content.slice(start).matchAll(/\S+/g)].map(({ 0: word, index }) => {
    const quoted = QUOTED.exec(word)?.[2];
    const column = start + index + 1;
    return quoted === undefined ? { text: word, column } : { text: quoted, column: column + 1 };
  });
}
