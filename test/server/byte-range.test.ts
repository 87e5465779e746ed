import { describe, expect, it } from 'vitest';
import { contentRange, parseRange } from '../../src/server/byte-range.ts';
import * as fc from '../support/fast-check.ts';

describe('parseRange', () => {
  it.each([
    ['bytes=0-0', { start: 0, end: 1 }],
    ['bytes=500-1499', { start: 500, end: 1500 }],
    ['bytes=500-', { start: 500, end: 4000 }],
    ['bytes=-500', { start: 3500, end: 4000 }],
    ['bytes=-5000', { start: 0, end: 4000 }],
    ['bytes=2000-5000', { start: 2000, end: 4000 }],
    ['bytes=3999-', { start: 3999, end: 4000 }],
    [' Bytes = 1 - 2 ', { start: 1, end: 3 }],
    ['bytes=0-99999999999999999999999999', { start: 0, end: 4000 }],
  ])('reads %s of 4000 bytes', (header, range) => {
    expect(parseRange(header, 4000)).toEqual(range);
  });

  it.each(['bytes=500-0', 'bytes=4000-', 'bytes=4000-5000', 'bytes=-0', 'bytes=99999999999999999999999999-'])(
    'cannot satisfy %s',
    (header) => {
      expect(parseRange(header, 4000)).toBe('unsatisfiable');
    },
  );

  it.each([undefined, '', 'bytes', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=0-1,5-6', 'items=0-1', 'bytes=-1-2', 'bytes=1.5-2'])(
    'ignores %s',
    (header) => {
      expect(parseRange(header, 4000)).toBeUndefined();
    },
  );

  it('cannot satisfy any range of nothing', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-1', 0)).toBe('unsatisfiable');
  });

  it('never leaves the content', () => {
    fc.assert(
      fc.property(fc.nat(), fc.option(fc.nat()), fc.option(fc.nat()), (size, first, last) => {
        const range = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, size);
        if (range === undefined || range === 'unsatisfiable') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeGreaterThan(range.start);
        expect(range.end).toBeLessThanOrEqual(size);
      }),
    );
  });
});

describe('contentRange', () => {
  it('names the last byte, not the one after it', () => {
    expect(contentRange({ start: 500, end: 1500 }, 4000)).toBe('bytes 500-1499/4000');
    expect(contentRange(undefined, 4000)).toBe('bytes */4000');
  });
});
