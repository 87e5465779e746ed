import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { backupTimer, renewalTimer } from '../../src/plan/wanted/timers.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temp = useTempDir();

/** Everything that systemd says about the service and the timer. Warnings have exit status 0. */
async function verified(make: typeof backupTimer, schedule: string): Promise<string> {
  const { texts } = make(schedule, '/bin/true');
  const paths = Object.keys(texts).map((name) => join(temp(), name));
  for (const [name, text] of Object.entries(texts)) await writeFile(join(temp(), name), text);
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' },
  });
  return `${stdout}${stderr}`;
}

beforeAll(() => {
  if (spawnSync('systemd-analyze', ['--version']).error !== undefined) throw new Error('systemd-analyze is missing: install "systemd"');
});

describe('systemd', () => {
  it.each(['daily', 'Sun 02:30', 'Mon..Fri *-*-* 02:30:00 Europe/Berlin'])('finds no fault with the timers at %s', async (schedule) => {
    expect(await verified(backupTimer, schedule)).toBe('');
    expect(await verified(renewalTimer, schedule)).toBe('');
  });

  it('sees a fault in a time that is none', async () => {
    expect(await verified(renewalTimer, 'Sun 25:90')).toContain('calendar');
  });
});
