import { describe, expect, it } from 'vitest';
import { parseTimestamp } from '../../src/sshsig/timestamp.ts';

describe('parseTimestamp', () => {
  it.each([
    ['20260301Z', '2026-03-01T00:00:00.000Z'],
    ['202603011530Z', '2026-03-01T15:30:00.000Z'],
    ['20260301153045z', '2026-03-01T15:30:45.000Z'],
    ['20261231235959Z', '2026-12-31T23:59:59.000Z'],
    ['20240229Z', '2024-02-29T00:00:00.000Z'],
    ['19700101Z', '1970-01-01T00:00:00.000Z'],
  ])('reads %s', (text, time) => {
    expect(parseTimestamp(text).toISOString()).toBe(time);
  });

  it('counts in the time zone of the machine without Z', () => {
    expect(parseTimestamp('20260301153045')).toEqual(new Date(2026, 2, 1, 15, 30, 45));
    expect(parseTimestamp('20260701')).toEqual(new Date(2026, 6, 1));
  });

  it.each([
    '20260230Z',
    '20250229Z',
    '20261301Z',
    '20260001Z',
    '20260100Z',
    '202601012400Z',
    '202601010060Z',
    '20260101000060Z',
    '19691231Z',
  ])('knows that %s is no time that there is', (text) => {
    expect(() => parseTimestamp(text)).toThrow(`"${text}" is not a time that there is`);
  });

  it.each(['', '2026', '2026030', '202603011Z', '2026030115304Z', '20260301Z ', ' 20260301', 'x20260301', '20260301ZZ', '2026-03-01'])(
    'says how to write a time in place of "%s"',
    (text) => {
      expect(() => parseTimestamp(text)).toThrow('is not a time: write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC');
    },
  );
});
