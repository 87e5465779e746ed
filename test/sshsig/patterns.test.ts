import { describe, expect, it } from 'vitest';
import { matchesPatterns } from '../../src/sshsig/index.ts';
import fc from '../support/fast-check.ts';

/** The same by a regular expression, whose time may grow with the number of stars. */
function byRegularExpression(word: string, pattern: string): boolean {
  const parts = [...pattern].map((one) => (one === '*' ? '.*' : one === '?' ? '.' : one));
  return new RegExp(`^${parts.join('')}$`).test(word);
}

const word = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 8 });

describe('matchesPatterns', () => {
  it('takes * for any text and ? for any character, as a regular expression would', () => {
    fc.assert(
      fc.property(word, pattern, (text, one) => {
        expect(matchesPatterns(text, one)).toBe(byRegularExpression(text, one));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes a list for all its patterns, without those that ! refuses', () => {
    const item = fc.record({ isNegated: fc.boolean(), one: pattern });
    fc.assert(
      fc.property(word, fc.array(item, { minLength: 1, maxLength: 4 }), (text, items) => {
        const list = items.map(({ isNegated, one }) => `${isNegated ? '!' : ''}${one}`).join(',');
        const hits = items.filter(({ one }) => byRegularExpression(text, one));
        expect(matchesPatterns(text, list)).toBe(hits.length > 0 && hits.every(({ isNegated }) => !isNegated));
      }),
      { numRuns: 1000 },
    );
  });

  it('does not take long for many stars', () => {
    expect(matchesPatterns('a'.repeat(2000), `${'a*'.repeat(300)}b`)).toBe(false);
  });
});
