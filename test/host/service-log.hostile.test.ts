import { describe, expect, it } from 'vitest';
import { parseLogEntry } from '../../src/host/service-log.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';

const ENTRY = {
  __CURSOR: 's=1;i=2',
  __REALTIME_TIMESTAMP: '1767225600123456',
  _SYSTEMD_UNIT: 'web.service',
  PRIORITY: '4',
  MESSAGE: 'ready',
};

describe('parseLogEntry', () => {
  it.each(HOSTILE_TEXTS)('passes over %s', (_, text) => {
    expect(parseLogEntry(text)).toBeUndefined();
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['no time', { __REALTIME_TIMESTAMP: undefined }],
    ['a time that is a number', { __REALTIME_TIMESTAMP: 1 }],
    ['a time beyond those of a Date', { __REALTIME_TIMESTAMP: '9'.repeat(17) }],
    ['a negative time', { __REALTIME_TIMESTAMP: '-1' }],
    ['no cursor', { __CURSOR: undefined }],
    ['a severity that is none', { PRIORITY: '8' }],
    ['bytes beyond bytes', { MESSAGE: [256] }],
    ['a message that is an object', { MESSAGE: {} }],
  ])('passes over an entry with %s', (_, changes) => {
    expect(parseLogEntry(JSON.stringify({ ...ENTRY, ...changes }))).toBeUndefined();
  });

  it('takes the latest time that 16 digits can say', () => {
    expect(parseLogEntry(JSON.stringify({ ...ENTRY, __REALTIME_TIMESTAMP: '9'.repeat(16) }))?.time).toBe('2286-11-20T17:46:39.999Z');
  });
});
