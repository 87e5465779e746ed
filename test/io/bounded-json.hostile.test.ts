import { describe, expect, it } from 'vitest';
import { parseBoundedJson } from '../../src/io/index.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import * as fc from '../support/fast-check.ts';

describe('parseBoundedJson', () => {
  it.each(HOSTILE_TEXTS)('gives data for %s, or says that it is none', (_, text) => {
    try {
      parseBoundedJson(text);
    } catch (error) {
      expect(error).toBeInstanceOf(SyntaxError);
    }
  });

  it('reads a hundred levels and refuses one more', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(() => parseBoundedJson(nested(100))).not.toThrow();
    expect(() => parseBoundedJson(nested(101))).toThrow('it is nested more than 100 deep');
  });

  it('does not count what stands in texts', () => {
    const text = JSON.stringify({ a: '['.repeat(1000), b: `\\"${'{'.repeat(1000)}\\\\`, c: '"[' });
    expect(parseBoundedJson(text)).toEqual(JSON.parse(text));
  });

  it('is JSON.parse for all other documents', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseBoundedJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });
});
