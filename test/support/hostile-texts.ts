import { CaissonError } from '../../src/core/index.ts';

const DEEP = 1_000_000;
const LONG = 200_000;

/** Texts that a weak parser repeats, backtracks over or recurses into. */
const UNITS = [
  ...['a', 'A', '0', ' ', '\t', '\n', '\r\n', '\0', '\u0007', '\u001b[2J', '\ufeff', 'é', '\ud800'],
  ...['[', ']', '{', '}', '(', ')', '<', '"', "'", '\\', '/', '//', '../', './', '.', '..', '-', '- ', '? ', '&a ', '*a ', '! ', '| '],
  ...['> ', '% ', '@', '`', ':', ': ', ',', ';', '#', '~', '=', '==', '+', '_', '__', '|', '${', '${}', '${var.a}', '$', 'a: ', 'a:\n'],
  ...[
    '[],',
    '{"a":',
    '"a",',
    '0,',
    'http://',
    'a.',
    'a-',
    'a/',
    'a@',
    'secret:',
    'authorization: basic ',
    '-----BEGIN PGP SIGNED MESSAGE-----\n',
  ],
];

const DOCUMENTS: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['a million brackets', '['.repeat(DEEP)],
  ['a million brackets that close', '['.repeat(DEEP) + ']'.repeat(DEEP)],
  ['a hundred thousand objects in one another', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
  ['a million zeros in a list', `[${'0,'.repeat(DEEP)}0]`],
  ['a list of lists', `[${'[],'.repeat(100_000)}0]`],
  ['a key of every object', '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'],
  ['a hundred thousand keys', `{${Array.from({ length: 100_000 }, (_, index) => `"k${index}":0`).join(',')}}`],
  ['the same key twice', '{"apiVersion":"a","apiVersion":"b"}'],
  ['a number beyond all numbers', '1e999'],
  ['a negative number beyond all numbers', '-1e999'],
  ['a number beyond 2^53', '9007199254740993'],
  ['a NUL behind a document', '{}\0'],
  ['a half of a surrogate pair', '{"apiVersion":"\\ud800"}'],
  ['null', 'null'],
  ['an empty object', '{}'],
  ['an empty list', '[]'],
  ['YAML that contains itself', 'a: &a [*a]\n'],
  [
    'YAML that multiplies',
    `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghij'].map((key, index) => `${key}: &${key} [${Array(9).fill(`*${'abcdefghij'[index]}`).join()}]`).join('\n')}\n`,
  ],
  ['YAML with a tag of code', 'a: !!js/function "function () {}"\n'],
];

/**
 * Texts that have broken parsers, each with a name: long repetition, deep nesting, many entries, large numbers, odd
 * names.
 */
export const HOSTILE_TEXTS: readonly (readonly [string, string])[] = [
  ...DOCUMENTS,
  ...UNITS.map((unit) => [`${JSON.stringify(unit)} again and again`, unit.repeat(LONG / unit.length)] as const),
];

/** The hostile texts as bytes, and bytes that are not valid text. */
export const HOSTILE_BYTES: readonly (readonly [string, Buffer])[] = [
  ...HOSTILE_TEXTS.map(([name, text]) => [name, Buffer.from(text)] as const),
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
  ['a document that is not UTF-8', Buffer.from('{"apiVersion":"\xff"}', 'latin1')],
  ['UTF-16', Buffer.from('\ufeff{}', 'utf16le')],
  ['half of a character', Buffer.from([0x22, 0xe2, 0x82])],
  ['noise', Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 167 + (index >> 3) * 31) & 0xff))],
];

/** Most characters of an error message: a longer one would flood a terminal. */
const MESSAGE_LIMIT = 256 * 1024;

/**
 * Returns the code with which a text is refused; undefined when it is accepted. Other errors are bugs and are thrown.
 */
export async function codeOf(work: () => unknown): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    if (error.message.length > MESSAGE_LIMIT) throw new Error(`the message has ${error.message.length} characters`, { cause: error });
    return error.code;
  }
}
