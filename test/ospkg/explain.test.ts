import { describe, expect, it } from 'vitest';
import { formatReasons, UnsolvableError } from '../../src/ospkg/index.ts';
import { formatSet, reason, type Reason } from '../../src/ospkg/explain.ts';

describe('formatReasons', () => {
  it('sets each level two blanks further in, and prints the same reasons once', () => {
    const shared = [reason('deep')];
    expect(formatReasons([reason('one', shared), reason('two', shared), reason('three')], '> ')).toBe(
      ['> one', '>   deep', '> two (see above)', '> three'].join('\n'),
    );
  });

  it('prints forty levels, and a mark for what is deeper', () => {
    const nested = (depth: number): Reason => reason(`level ${depth}`, depth === 60 ? [] : [nested(depth + 1)]);
    const lines = formatReasons([nested(1)]).split('\n');
    expect(lines).toHaveLength(41);
    expect(lines[39]).toBe(`${'  '.repeat(39)}level 40`);
    expect(lines[40]).toBe(`${'  '.repeat(39)}  …`);
  });
});

describe('UnsolvableError', () => {
  it('prints at most five sentences of help for one package, each once', () => {
    const helps = ['a', 'a', 'b', 'c', 'd', 'e', 'f'].map((word) => reason(`no ${word}`, [], `Add ${word}`));
    const { message, hint, disqualifications } = new UnsolvableError([{ set: 'tools', package: 'jq', reasons: [reason('top', helps)] }]);
    expect(message.split('\n').filter((line) => line.includes('would help'))).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((word) => `    would help: Add ${word}`),
    );
    expect(hint).toContain('Correct the package set');
    expect(disqualifications).toHaveLength(1);
  });

  it('names a set with those that ask for it', () => {
    expect(formatSet({ set: 'tools' })).toBe('package set "tools"');
    expect(formatSet({ set: 'tools', askedBy: ['role "a"', 'component "b"'] })).toBe('package set "tools" (for role "a", component "b")');
  });
});
