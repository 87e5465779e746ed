import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLastRun, writeLastRun, type LastRun } from '../../src/site/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const place = () => ({ lastBackup: join(directory(), 'last-backup.json'), lastRenewal: join(directory(), 'last-renewal.json') });
const TIME = '2026-01-02T03:04:05.000Z';

describe('the note on the last backup', () => {
  it('is not there before the first one', async () => {
    expect(await readLastRun(place(), 'backup')).toBeUndefined();
  });

  it('is what was written last, for root alone', async () => {
    const notes: readonly LastRun[] = [
      { time: TIME, outcome: 'done', path: '/backups/a.gpg', lastDone: TIME },
      { time: TIME, outcome: 'failed', reason: 'the disk is full' },
    ];
    for (const note of notes) {
      await writeLastRun(place(), 'backup', note);
      expect(await readLastRun(place(), 'backup')).toEqual(note);
      expect((await stat(place().lastBackup)).mode & 0o777).toBe(0o600);
    }
  });

  it('is apart for each task, and names what was renewed', async () => {
    const note: LastRun = { time: TIME, outcome: 'done', renewed: ['depot'], lastDone: TIME };
    await writeLastRun(place(), 'renewal', note);
    expect([await readLastRun(place(), 'renewal'), await readLastRun(place(), 'backup')]).toEqual([note, undefined]);
    await writeFile(place().lastRenewal, '{}');
    await expect(readLastRun(place(), 'renewal')).rejects.toMatchObject({
      message: expect.stringContaining('it does not say how a renewal ended'),
      hint: expect.stringContaining('caisson certificates renew --due'),
    });
  });

  it.each([
    '',
    '{',
    '[]',
    `{"time":"${TIME}"}`,
    `{"time":"yesterday","outcome":"done"}`,
    `{"time":"${TIME}","outcome":"running"}`,
    `{"time":"${TIME}","outcome":"done","lastDone":7}`,
  ])('is not guessed from a damaged file, and the next backup mends it: %s', async (text) => {
    await writeFile(place().lastBackup, text);
    await expect(readLastRun(place(), 'backup')).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining(`"${place().lastBackup}": it does not say how a backup ended`),
      hint: 'Run the command that writes it anew: caisson backup',
    });
  });
});
