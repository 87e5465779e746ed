import { describe, expect, it } from 'vitest';
import { compareRpmVersions } from '../../../src/ospkg/index.ts';
import fc from '../../support/fast-check.ts';

describe('compareRpmVersions', () => {
  it.each([
    ['1.0', '<', '1.1'],
    ['1.9', '<', '1.10'],
    ['1.0~rc1', '<', '1.0'],
    ['1.0', '<', '1.0^git1'],
    ['1.0^git1', '<', '1.0.1'],
    ['1.0~rc1^git1', '<', '1.0'],
    ['1.0~rc1', '<', '1.0~rc1^git1'],
    ['1.0a', '<', '1.0.1'],
    ['a', '<', '1'],
    ['1.010', '=', '1.10'],
    ['1.0_1', '=', '1.0.1'],
    ['1.0.', '=', '1.0'],
    ['fc4', '=', 'fc.4'],
    ['2.0', '<', '1:0.9'],
    ['0:1-1', '=', '1-1'],
    ['1.0-1', '<', '1.0-2'],
    ['1.0', '<', '1.0-1'],
    ['20260101000000000000', '<', '20260101000000000001'],
  ])('has %s %s %s', (left, sign, right) => {
    const expected = sign === '=' ? 0 : -1;
    expect(Math.sign(compareRpmVersions(left, right))).toBe(expected);
    expect(Math.sign(compareRpmVersions(right, left))).toBe(0 - expected);
  });

  it('never throws, and is the opposite the other way round', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (left, right) => {
        expect(Math.sign(compareRpmVersions(left, right)) + Math.sign(compareRpmVersions(right, left))).toBe(0);
      }),
    );
  });
});
