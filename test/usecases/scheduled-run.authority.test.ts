import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../src/core/index.ts';
import { backupTimer } from '../../src/plan/wanted/timers.ts';
import { BACKUP_TIMER, EXECUTABLE, REAL_MACHINES, seedLayout, UNITS, writeLastRun } from '../../src/site/index.ts';
import { scheduledRun } from '../../src/usecases/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temp = useTempDir();
const HOUR_MS = 3_600_000;
const MADE = Date.UTC(2026, 0, 1);

describe('a scheduled backup', () => {
  it.each([
    ['hourly', 2],
    ['daily', 48],
    ['02:30 Europe/Berlin', 48],
    ['Mon..Fri', 6 * 24],
    ['Sun 02:30', 14 * 24],
  ])('at %s is overdue after %d hours, as systemd has its times', async (schedule, hours) => {
    const [timer, layout] = [join(temp(), UNITS, BACKUP_TIMER), seedLayout(temp())];
    for (const path of [timer, layout.lastBackup]) await mkdir(dirname(path), { recursive: true });
    await writeFile(timer, backupTimer(schedule, EXECUTABLE).texts[BACKUP_TIMER] ?? '');
    const time = new Date(MADE).toISOString();
    await writeLastRun(layout, 'backup', { time, outcome: 'done', lastDone: time });
    const at = (hour: number) =>
      scheduledRun('m1', 'backup', {
        clock: fixedClock(MADE + hour * HOUR_MS),
        signal: AbortSignal.timeout(60_000),
        machines: { ...REAL_MACHINES, seedRoot: temp() },
      });
    // Where summer time begins or ends in these days, two times are an hour more apart.
    expect(await at(hours - 0.1)).toMatchObject({ state: 'in time' });
    expect(await at(hours + 2.1)).toMatchObject({ schedule, state: 'overdue' });
  });

  it('without another time is never overdue', async () => {
    const timer = join(temp(), UNITS, BACKUP_TIMER);
    await mkdir(dirname(timer), { recursive: true });
    await writeFile(timer, backupTimer('2020-01-01', EXECUTABLE).texts[BACKUP_TIMER] ?? '');
    const machines = { ...REAL_MACHINES, seedRoot: temp() };
    expect(
      await scheduledRun('m1', 'backup', { clock: fixedClock(MADE * 2), signal: AbortSignal.timeout(60_000), machines }),
    ).toMatchObject({
      state: 'in time',
    });
  });
});
