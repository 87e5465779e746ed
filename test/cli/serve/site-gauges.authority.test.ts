import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { siteGauges } from '../../../src/cli/serve/site-gauges.ts';
import { fixedClock } from '../../../src/core/index.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/index.ts';
import { backupTimer, renewalTimer } from '../../../src/plan/wanted/timers.ts';
import { EXECUTABLE, REAL_MACHINES, seedLayout, UNITS, writeLastRun } from '../../../src/site/index.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const NOON = Date.UTC(2026, 0, 1, 12);
const HOUR = 3600;

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await utimes(path, NOON / 1000, NOON / 1000);
}

/** What all gauges read, as `name{label} value`. systemd says when the schedules have their times. */
async function read(monotonic = () => 0): Promise<() => Promise<readonly string[]>> {
  const clock = { ...fixedClock(NOON), monotonic };
  const gauges = siteGauges({ clock, signal: AbortSignal.timeout(60_000), machines: { ...REAL_MACHINES, seedRoot: temp() } });
  return async () => {
    const all = await Promise.all(gauges.map(async (gauge) => ({ name: gauge.name, samples: await gauge.read() })));
    return all.flatMap(({ name, samples }) =>
      samples.map(({ labels, value }) => `${name.replace(/^caisson_/, '')} ${Object.values(labels).join(' ')} ${value}`),
    );
  };
}

async function addTimers(): Promise<void> {
  for (const { timer, texts } of [backupTimer('daily', EXECUTABLE), renewalTimer('daily', EXECUTABLE)])
    await write(join(temp(), UNITS, timer), texts[timer] ?? '');
}

describe('siteGauges', () => {
  it('has no samples where the seed has no timers and no certificates', async () => {
    expect(await (await read())()).toEqual([]);
  });

  it('says of each task with a timer how the last one ended, which was well last, and when one is overdue', async () => {
    await addTimers();
    const layout = seedLayout(temp());
    await mkdir(dirname(layout.lastBackup), { recursive: true });
    const [ended, lastDone] = ['2026-01-01T10:00:00.000Z', '2025-12-31T12:00:00.000Z'];
    await writeLastRun(layout, 'backup', { time: ended, outcome: 'failed', reason: 'disk full', lastDone });
    const noon = NOON / 1000;
    expect(await (await read())()).toEqual([
      'task_last_well backup 0',
      `task_last_end_timestamp_seconds backup ${noon - 2 * HOUR}`,
      `task_last_well_timestamp_seconds backup ${noon - 24 * HOUR}`,
      `task_due_timestamp_seconds backup ${noon + 24 * HOUR}`,
      // No renewal was tried yet: its time counts from the start of the schedule.
      `task_due_timestamp_seconds renewal ${noon + 48 * HOUR}`,
    ]);
  });

  it('counts a note that cannot be read as a task that failed', async () => {
    await addTimers();
    await write(seedLayout(temp()).lastBackup, 'no JSON');
    expect(await (await read())()).toContain('task_last_well backup 0');
  });

  it('looks once a minute, however often it is asked', async () => {
    await addTimers();
    const layout = seedLayout(temp());
    await mkdir(dirname(layout.lastBackup), { recursive: true });
    let monotonic = 0;
    const ask = await read(() => monotonic);
    const note = async (time: string) => writeLastRun(layout, 'backup', { time, outcome: 'done', lastDone: time });
    await note('2026-01-01T10:00:00.000Z');
    const first = await ask();
    await note('2026-01-01T11:00:00.000Z');
    monotonic = 60_000;
    expect(await ask()).toEqual(first);
    monotonic = 60_001;
    expect(await ask()).toContain(`task_last_end_timestamp_seconds backup ${NOON / 1000 - HOUR}`);
  });

  it('has the ends of the authorities and of the certificates that the seed uses itself', async () => {
    const layout = seedLayout(temp());
    const clock = fixedClock(NOON);
    const authority = await createAuthority({ commonName: 'site', days: 100, clock });
    const subject = { commonName: 'x', dnsNames: [], addresses: [], usages: 'server' } as const;
    const { certificate } = await issueCertificate(authority, { ...subject, days: 10, clock });
    await write(join(layout.authorities, 'site.crt'), authority.certificate);
    for (const name of ['depot', 'operator', 'node-m1']) await write(join(layout.certificates, `${name}.crt`), certificate);
    const lines = await (await read())();
    expect(lines.map((line) => line.replace(/ \d+$/, ''))).toEqual([
      'authority_not_after_timestamp_seconds site',
      'certificate_not_after_timestamp_seconds caisson-seed depot',
      'certificate_not_after_timestamp_seconds caisson-seed operator',
    ]);
    const end = Number(lines[1]?.split(' ').at(-1));
    expect(end).toBeGreaterThan(NOON / 1000 + 9 * 24 * HOUR);
    expect(end).toBeLessThan(NOON / 1000 + 11 * 24 * HOUR);
  });
});
