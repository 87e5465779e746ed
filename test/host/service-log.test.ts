import { describe, expect, it } from 'vitest';
import { parseLogEntry, readServiceLog } from '../../src/host/service-log.ts';
import { fakeHost } from '../support/fake-host.ts';

/** Entries in the form of `journalctl --output=json`. */
const READY =
  '{"__CURSOR":"s=1;i=1","__REALTIME_TIMESTAMP":"1767225600123456","_SYSTEMD_UNIT":"web.service","PRIORITY":"4","MESSAGE":"ready"}';
const STARTED =
  '{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1767225601000000","_SYSTEMD_UNIT":"init.scope","UNIT":"web.service","MESSAGE":"Started web"}';

const BEGIN = ['journalctl', '--no-pager', '--quiet', '--output=json', '--output-fields=MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT'];

describe('parseLogEntry', () => {
  it('reads time, unit, severity and message', () => {
    expect(parseLogEntry(READY)).toEqual({
      time: '2026-01-01T00:00:00.123Z',
      unit: 'web.service',
      severity: 4,
      message: 'ready',
      cursor: 's=1;i=1',
    });
  });

  it('gives a message of systemd about a unit to the unit, and calls it informational when it names no severity', () => {
    expect(parseLogEntry(STARTED)).toMatchObject({ unit: 'web.service', severity: 6, message: 'Started web' });
  });

  it.each([
    ['bytes', '[195,164,27,91,255]', 'ä\u001b[\ufffd'],
    ['null, which stands for a long text', 'null', ''],
  ])('reads a message of %s', (_, message, text) => {
    expect(parseLogEntry(READY.replace('"ready"', message))?.message).toBe(text);
  });
});

describe('readServiceLog', () => {
  it('asks for the last entries of all units at once, and passes over lines that are none', async () => {
    const argv = [...BEGIN, '--lines=2', '--since=1 hour ago', '--unit=web.service', '--unit=db.service'];
    const host = fakeHost({ replies: [{ argv, answer: { stdout: `${READY}\n-- Boot 1 --\n${STARTED}\n` } }] });
    const entries = await readServiceLog(host, { units: ['web.service', 'db.service'], lines: 2, since: '1 hour ago' });
    expect(entries.map(({ message }) => message)).toEqual(['ready', 'Started web']);
  });

  it('asks for entries after one', async () => {
    const host = fakeHost({
      replies: [{ argv: [...BEGIN, '--lines=9', '--after-cursor=s=1;i=1', '--unit=web.service'], answer: { stdout: STARTED } }],
    });
    expect(await readServiceLog(host, { units: ['web.service'], lines: 9, after: 's=1;i=1' })).toHaveLength(1);
  });

  it('fails with the words of journalctl', async () => {
    const argv = [...BEGIN, '--lines=1', '--since=soon', '--unit=web.service'];
    const host = fakeHost({ replies: [{ argv, answer: { exitCode: 1, stderr: 'Failed to parse timestamp: soon\n' } }] });
    await expect(readServiceLog(host, { units: ['web.service'], lines: 1, since: 'soon' })).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringContaining('Failed to parse timestamp: soon'),
    });
  });
});
