import { isAbsolute, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { joinInside } from '../../src/io/index.ts';
import * as fc from '../support/fast-check.ts';

describe('joinInside', () => {
  it('joins an ordinary path', () => {
    expect(joinInside('/root/of', 'a/b.c/..d/e..')).toBe('/root/of/a/b.c/..d/e..');
  });

  it.each(['', '/etc/passwd', '..', '../x', 'a/../../x', 'a/..', './a', 'a/./b', 'a//b', 'a/', 'a\\..\\b', 'a\0b', 'a\nb'])(
    'refuses %j',
    (path) => {
      expect(() => joinInside('/root/of', path)).toThrow(expect.objectContaining({ code: 'PATH_UNSAFE' }));
    },
  );

  it('never leaves the root, whatever the text', () => {
    const part = fc.oneof(fc.constantFrom('..', '.', '', '/', '\\'), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        let joined: string;
        try {
          joined = joinInside('/root/of', parts.join('/'));
        } catch {
          return true;
        }
        const inside = relative('/root/of', joined);
        return inside !== '' && !inside.startsWith('../') && inside !== '..' && !isAbsolute(inside);
      }),
    );
  });
});
