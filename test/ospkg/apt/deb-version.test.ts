import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareDebVersions, isDebVersion, satisfiesVersion, withoutEpoch } from '../../../src/ospkg/apt/deb-version.ts';
import * as fc from '../../support/fast-check.ts';

const ORDER: Readonly<Record<string, number>> = { '<': -1, '=': 0, '>': 1 };

const VECTORS = readFileSync(new URL('../../vectors/deb-version.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t'));

const version = fc.string({ unit: fc.constantFrom(...'0019aAzZ.+~-:'.split('')), maxLength: 12 });

describe('Debian version order', () => {
  it.each(VECTORS)('orders %s %s %s, as dpkg does, and the other way round', (left = '', sign = '', right = '') => {
    expect(Math.sign(compareDebVersions(left, right))).toBe(ORDER[sign]);
    expect(Math.sign(compareDebVersions(right, left))).toBe(0 - (ORDER[sign] ?? Number.NaN));
  });

  it('is antisymmetric and transitive', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareDebVersions(a, b)) + Math.sign(compareDebVersions(b, a))).toBe(0);
        if (compareDebVersions(a, b) <= 0 && compareDebVersions(b, c) <= 0) expect(compareDebVersions(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['1.0', '<<', '1.1', true],
    ['1.0', '<<', '1.0', false],
    ['1.0', '<=', '1.0', true],
    ['1.1', '<=', '1.0', false],
    ['1.0', '=', '1.0-0', true],
    ['1.0', '=', '1.1', false],
    ['1.0', '>=', '1.0', true],
    ['1.0~rc1', '>=', '1.0', false],
    ['1.1', '>>', '1.0', true],
    ['1.0', '>>', '1.0', false],
  ] as const)('%s %s %s is %s', (have, operator, want, answer) => {
    expect(satisfiesVersion(have, { operator, version: want })).toBe(answer);
  });

  it('knows the shape of a version', () => {
    expect(['1.0', '1:2.3-4~5+b1', '0', '1:2:3-1', '1'.repeat(255)].filter(isDebVersion)).toHaveLength(5);
    expect(['', '1.0/2', '../1', '1.0 ', 'a:1', '1'.repeat(256), '1.0\n'].filter(isDebVersion)).toEqual([]);
  });

  it('takes the epoch off', () => {
    expect([withoutEpoch('1:2.3-4'), withoutEpoch('2.3-4')]).toEqual(['2.3-4', '2.3-4']);
  });
});
