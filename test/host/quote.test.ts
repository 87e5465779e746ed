import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { quoteCommand, quoteWord, withEnvironment } from '../../src/host/quote.ts';
import * as fc from '../support/fast-check.ts';

describe('quoteWord', () => {
  it.each([
    ['plain-word_1.2/x:y,z@a%b+c', 'plain-word_1.2/x:y,z@a%b+c'],
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", String.raw`'it'\''s'`],
    ['$HOME', "'$HOME'"],
    ['~', "'~'"],
    ['a=b', "'a=b'"],
  ])('makes of %j: %s', (text, quoted) => {
    expect(quoteWord(text)).toBe(quoted);
  });

  it('refuses NUL, which no program can be given', () => {
    expect(() => quoteWord('a\0b')).toThrow(/NUL/);
  });
});

describe.each(['sh', 'bash'])('%s', (shell) => {
  it('reads quoted words exactly as they were', () => {
    const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0') && !/\p{Cs}/u.test(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        const output = execFileSync(shell, ['-c', quoteCommand(['printf', '%s\\0', ...words])], { encoding: 'utf8' });
        expect(output).toBe(words.map((text) => `${text}\0`).join(''));
      }),
      { numRuns: 25 },
    );
  });
});

describe('withEnvironment', () => {
  it('puts env in front only when there is an environment', () => {
    expect(withEnvironment({ argv: ['ls', '-l'] })).toEqual(['ls', '-l']);
    expect(withEnvironment({ argv: ['ls'], env: { A: '1', B: 'x y' } })).toEqual(['env', 'A=1', 'B=x y', 'ls']);
  });

  it.each([
    [{ argv: [] }, /no program/],
    [{ argv: ['a=b'], env: { A: '1' } }, /equals sign/],
    [{ argv: ['a'], env: { 'A B': '1' } }, /not a name/],
  ])('refuses %j', (command, message) => {
    expect(() => withEnvironment(command)).toThrow(message);
  });
});
