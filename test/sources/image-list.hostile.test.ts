import { describe, expect, it } from 'vitest';
import { parseImageList } from '../../src/sources/index.ts';
import { codeOf, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

/** Comments, white space, and words that are names of images. */
const HARMLESS = new Set([
  'nothing',
  'null',
  'a number beyond all numbers',
  'a number beyond 2^53',
  ...[' ', '\t', '\n', '\r\n', '#', '\ufeff'].map((unit) => `${JSON.stringify(unit)} again and again`),
]);

describe('parseImageList', () => {
  it.each(HOSTILE_TEXTS.filter(([name]) => !HARMLESS.has(name)))('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseImageList(text, 'images.txt'))).toBe('INPUT_INVALID');
  });

  it.each(HOSTILE_TEXTS.filter(([name]) => HARMLESS.has(name)))('finds at most one image in %s', (_, text) => {
    expect(parseImageList(text, 'images.txt').length).toBeLessThanOrEqual(1);
  });

  it('looks at ten thousand mistakes, and not at millions of lines behind them', async () => {
    expect(await codeOf(() => parseImageList('A\n'.repeat(4_000_000), 'images.txt'))).toBe('INPUT_INVALID');
  });

  it.each([
    'a as b',
    'a:1 as ../b:1',
    'a:1 as b',
    'a:1 as',
    'a:1 b:1',
    'a:1 as b:1 c',
    'a:1\0 as b:1',
    'as as as as',
    'a:1 as b:1\na:2 as b:1',
  ])('refuses the line %j', async (line) => {
    expect(await codeOf(() => parseImageList(line, 'images.txt'))).toBe('INPUT_INVALID');
  });
});
