import { describe, expect, it } from 'vitest';
import { parseSums } from '../../../src/bundle/format/sums.ts';
import { HOSTILE_TEXTS } from '../../support/hostile-texts.ts';

const HEX = 'a'.repeat(64);

describe('parseSums', () => {
  it.each(HOSTILE_TEXTS.filter(([, text]) => text !== ''))('finds no digest in %s, and not a million problems', (_, text) => {
    const { digests, problems } = parseSums(text);
    expect(digests.size).toBe(0);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(1001);
    expect(problems.join('').length).toBeLessThan(256 * 1024);
  });

  it.each([
    `${HEX} *binary\n`,
    `${HEX.toUpperCase()}  upper\n`,
    `${HEX.slice(1)}  short\n`,
    `${HEX}a  long\n`,
    `\\${HEX}  escaped\n`,
    ` ${HEX}  indented\n`,
    `${HEX} one-space\n`,
    `${HEX}  \n`,
    `${HEX}  no-end`,
  ])('refuses the line %j', (line) => {
    expect(parseSums(line).digests.size).toBe(0);
    expect(parseSums(line).problems).toHaveLength(1);
  });

  it('names a path that is there twice, and keeps the first', () => {
    const { digests, problems } = parseSums(`${HEX}  a\n${'b'.repeat(64)}  a\n`);
    expect([...digests]).toEqual([['a', `sha256:${HEX}`]]);
    expect(problems).toEqual(['line 2 lists "a" again']);
  });

  it('keeps names of every object apart from those of members', () => {
    const { digests } = parseSums(`${HEX}  __proto__\n${HEX}  constructor\n`);
    expect([...digests.keys()]).toEqual(['__proto__', 'constructor']);
  });
});
