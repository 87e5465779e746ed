import { describe, expect, it } from 'vitest';
import { formatDate, newestRelease, sourceDate } from '../../src/builder/content-date.ts';

describe('sourceDate', () => {
  it('reads SOURCE_DATE_EPOCH as seconds since 1970', () => {
    expect(sourceDate('1700000000')?.toISOString()).toBe('2023-11-14T22:13:20.000Z');
    expect(sourceDate('0')?.getTime()).toBe(0);
  });

  it('says nothing when SOURCE_DATE_EPOCH is not set', () => {
    expect(sourceDate(undefined)).toBeUndefined();
    expect(sourceDate('')).toBeUndefined();
  });

  it.each(['now', '-1', '1.5', '1e9', ' 1', '999999999999'])('refuses "%s"', (text) => {
    expect(() => sourceDate(text)).toThrow(/SOURCE_DATE_EPOCH/);
  });
});

describe('newestRelease', () => {
  it('is the newest date of all suites, in whole seconds', () => {
    const releases = [{ date: '2026-01-01T00:00:00Z' }, { date: '2026-03-01T00:00:00.900Z' }];
    expect(formatDate(newestRelease([{ releases }, { releases: [{ date: '2025-01-01T00:00:00Z' }] }]))).toBe('2026-03-01T00:00:00Z');
  });

  it('is 1970 when nothing has a date', () => {
    expect(newestRelease([]).getTime()).toBe(0);
  });
});
