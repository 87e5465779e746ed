import { describe, expect, it } from 'vitest';
import { parseFileList } from '../../src/sources/index.ts';
import { codeOf, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

/** Comments and white space, which are a list of no file. */
const EMPTY = new Set(['nothing', ...[' ', '\t', '\n', '\r\n', '#', '\ufeff'].map((unit) => `${JSON.stringify(unit)} again and again`)]);

describe('parseFileList', () => {
  it.each(HOSTILE_TEXTS.filter(([name]) => !EMPTY.has(name)))('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseFileList(text, 'files.txt'))).toBe('INPUT_INVALID');
  });

  it.each(HOSTILE_TEXTS.filter(([name]) => EMPTY.has(name)))('finds no file in %s', (_, text) => {
    expect(parseFileList(text, 'files.txt')).toEqual([]);
  });

  it('looks at ten thousand mistakes, and not at millions of lines behind them', async () => {
    expect(await codeOf(() => parseFileList('a\n'.repeat(4_000_000), 'files.txt'))).toBe('INPUT_INVALID');
  });

  it.each([
    'http://a.example/x as ../x',
    'http://a.example/x as /etc/passwd',
    'http://a.example/x as a//b',
    'http://a.example/x as ./b',
    'http://a.example/..%2fx',
    'http://a.example/%00',
    'http://a.example/%E0%A4%A',
    'http://a.example/x as a\u0000b',
    `http://a.example/x as ${'a'.repeat(256)}`,
    `http://a.example/x as ${'a/'.repeat(32)}b`,
    'file://host.example/etc/passwd',
    'file:etc/passwd',
    'ftp://a.example/x',
    'javascript:alert(1)',
    'data:text/plain,x',
    'http://user@a.example/x',
    'http://a.example:99999/x',
    'http:///x',
  ])('refuses the line %j', async (line) => {
    expect(await codeOf(() => parseFileList(line, 'files.txt'))).toBe('INPUT_INVALID');
  });
});
