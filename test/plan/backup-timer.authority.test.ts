import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { backupTimer, backupUnit } from '../../src/plan/wanted/backup-timer.ts';
import { BACKUP_TIMER, BACKUP_UNIT } from '../../src/site/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temp = useTempDir();

/** Everything that systemd says about the service and the timer. Warnings have exit status 0. */
async function verified(schedule: string): Promise<string> {
  const [service, timer] = [join(temp(), BACKUP_UNIT), join(temp(), BACKUP_TIMER)];
  await writeFile(service, backupUnit('/bin/true'));
  await writeFile(timer, backupTimer(schedule));
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', service, timer], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' },
  });
  return `${stdout}${stderr}`;
}

beforeAll(() => {
  if (spawnSync('systemd-analyze', ['--version']).error !== undefined) throw new Error('systemd-analyze is missing: install "systemd"');
});

describe('systemd', () => {
  it.each(['daily', 'Sun 02:30', 'Mon..Fri *-*-* 02:30:00 Europe/Berlin'])(
    'finds no fault with the timer of backups at %s',
    async (schedule) => {
      expect(await verified(schedule)).toBe('');
    },
  );

  it('sees a fault in a time that is none', async () => {
    expect(await verified('Sun 25:90')).toContain('calendar');
  });
});
