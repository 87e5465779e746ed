import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../../src/core/index.ts';
import { backupTimer, renewalTimer } from '../../../src/plan/wanted/timers.ts';
import {
  BACKUP_TIMER,
  EXECUTABLE,
  newSiteRecord,
  openFileStore,
  operatorPaths,
  readLastRun,
  RENEWAL_TIMER,
  seedLayout,
  UNITS,
  writeLastRun,
  type LastRun,
} from '../../../src/site/index.ts';
import { createAuthority } from '../../../src/pki/index.ts';
import { keyPair } from '../../support/backup-site.ts';
import { NOON, useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { runCaisson, type Ended } from '../../support/run-caisson.ts';
import { ONE_NODE } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const sites = useCommandSites(temp);
const HOUR_MS = 3_600_000;
const TIME = new Date(NOON).toISOString();

describe('a backup by cluster.yaml', () => {
  /** A site whose cluster.yaml has a backup section. */
  async function siteWithSection(): Promise<CommandSite & { readonly last: () => Promise<LastRun | undefined>; readonly place: string }> {
    const made = await sites.bare(ONE_NODE);
    const { site } = made;
    const place = join(temp(), 'backups');
    await mkdir(place);
    await writeFile(join(temp(), 'operator.asc'), (await keyPair()).publicKey);
    const text = await readFile(site.options.clusterPath, 'utf8');
    await writeFile(site.options.clusterPath, `${text}backup: { directory: ${place}, recipients: [./operator.asc], schedule: daily }\n`);
    await site.install();
    return { ...made, place, last: () => readLastRun(seedLayout(site.seedRoot), 'backup') };
  }

  it('is noted with its time and its file, and one in another place is not', async () => {
    const { run, last, place, site } = await siteWithSection();
    expect(await run(['backup', '--output', join(temp(), 'own.gpg')])).toMatchObject({ status: 0 });
    expect(await last()).toBeUndefined();
    expect(await run(['backup'])).toMatchObject({ status: 0 });
    expect(await last()).toEqual({
      time: TIME,
      outcome: 'done',
      path: join(place, 'sample-20260101T000000Z.tar.gpg'),
      lastDone: TIME,
    });
    expect((await stat(seedLayout(site.seedRoot).lastBackup)).mode & 0o777).toBe(0o600);
  });

  it('is noted with its reason when it fails, beside the time of the last that was made', async () => {
    const { run, last, place } = await siteWithSection();
    await run(['backup']);
    await rm(place, { recursive: true });
    const failed = await run(['backup'], { clock: fixedClock(NOON + HOUR_MS) });
    expect(failed).toMatchObject({ status: 5, err: expect.stringContaining('BACKUP_WRITE_FAILED') });
    expect(await last()).toEqual({
      time: new Date(NOON + HOUR_MS).toISOString(),
      outcome: 'failed',
      reason: expect.stringContaining(place),
      lastDone: TIME,
    });
  });

  it('is noted before an upgrade, too, and the note goes with a reset', async () => {
    const { run, last, site } = await siteWithSection();
    expect(await run(['upgrade', '--bundle', sites.bundles().next, '--unsigned', '--yes'])).toMatchObject({ status: 0 });
    expect(await last()).toMatchObject({ outcome: 'done', lastDone: TIME });
    expect(await run(['reset', '--yes'])).toMatchObject({ status: 0 });
    await expect(stat(seedLayout(site.seedRoot).lastBackup)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves nothing on a machine that is no seed', async () => {
    const { run, site } = await sites.bare(ONE_NODE);
    expect((await run(['backup'])).status).not.toBe(0);
    await expect(stat(dirname(seedLayout(site.seedRoot).lastBackup))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('caisson cluster on a seed that makes backups by itself', () => {
  /** What `systemd-analyze calendar` prints: times of which two are three days apart. */
  const CALENDAR = `  Original form: Mon..Fri
    Next elapse: Thu 2026-01-01 00:00:00 UTC
       From now: 1h left
       Iter. #2: Fri 2026-01-02 00:00:00 UTC
       From now: 1 day 1h left
       Iter. #3: Mon 2026-01-05 00:00:00 UTC
       From now: 4 days left
`;
  let site: CommandSite;
  const layout = () => seedLayout(site.site.seedRoot);
  const timer = (): string => join(site.site.seedRoot, UNITS, BACKUP_TIMER);
  const asked: (readonly string[])[] = [];

  /** A seed beside a cluster that has no nodes, so that no agent is asked. */
  beforeEach(async () => {
    site = await sites.bare(ONE_NODE);
    asked.splice(0);
    site.site.machine('n1').programs.set('env', (words) => {
      asked.push(words);
      return { stdout: CALENDAR };
    });
    const files = Object.values(operatorPaths(layout()));
    for (const path of [...files, layout().record, timer()]) await mkdir(dirname(path), { recursive: true });
    for (const path of files) await writeFile(path, 'not used');
    await openFileStore(layout().record).write(newSiteRecord({ id: 'a', name: 'prod', seed: 'n1' }), undefined);
    await writeFile(timer(), backupTimer('Mon..Fri', EXECUTABLE).texts[BACKUP_TIMER] ?? '');
    await utimes(timer(), NOON / 1000, NOON / 1000);
  });

  const cluster = (hours: number, ...words: readonly string[]): Promise<Ended> =>
    site.run(['cluster', ...words], { clock: fixedClock(NOON + hours * HOUR_MS) });
  /** The line about backups, and the summary. */
  const linesOf = ({ out }: Ended): readonly string[] => out.trimEnd().split('\n').slice(-2);

  it('shows the last one, and is satisfied for twice the longest time between two', async () => {
    await writeLastRun(layout(), 'backup', { time: TIME, outcome: 'done', path: '/srv/one.tar.gpg', lastDone: TIME });
    const inTime = await cluster(6 * 24 - 1);
    expect(inTime).toMatchObject({ status: 0, err: '' });
    expect(linesOf(inTime)).toEqual(['Backups (Mon..Fri): the last was made 2026-01-01 00:00:00Z, /srv/one.tar.gpg', 'prod: all healthy']);
    expect(asked).toEqual([['TZ=UTC', 'LC_ALL=C', 'systemd-analyze', 'calendar', '--iterations=8', 'Mon..Fri']]);
    const overdue = await cluster(6 * 24 + 1);
    expect(overdue).toMatchObject({ status: 6, err: expect.stringContaining('is not healthy: a backup is overdue') });
    expect(overdue.err).toContain('journalctl -u caisson-backup');
  });

  it('ends with 6 while the last one failed, and says why', async () => {
    await writeLastRun(layout(), 'backup', { time: TIME, outcome: 'failed', reason: 'no space\nleft', lastDone: TIME });
    const failed = await cluster(1);
    expect(failed).toMatchObject({ status: 6, err: expect.stringContaining('the last backup failed') });
    expect(linesOf(failed)).toEqual([
      'Backups (Mon..Fri): the last was made 2026-01-01 00:00:00Z; one failed 2026-01-01 00:00:00Z: no space left',
      'prod: the last backup failed',
    ]);
    const json: unknown = JSON.parse((await cluster(1, '--json')).out.split('\n')[0] ?? '');
    expect(json).toMatchObject({ healthy: false, backup: { schedule: 'Mon..Fri', state: 'failed', last: { reason: 'no space\nleft' } } });
  });

  it('counts from the start of the schedule where none was made yet', async () => {
    expect(linesOf(await cluster(1))).toEqual(['Backups (Mon..Fri): none was made yet', 'prod: all healthy']);
    expect(await cluster(6 * 24 + 1)).toMatchObject({ status: 6, out: expect.stringContaining('a backup is overdue') });
  });

  it('says nothing of backups without a timer, or of another place', async () => {
    const elsewhere = await runCaisson(['cluster', '--state', dirname(layout().record), '--pki', layout().pki]);
    expect(elsewhere).toMatchObject({ status: 0, out: expect.not.stringContaining('Backups') });
    await rm(timer());
    expect(await cluster(1000)).toMatchObject({ status: 0, out: expect.not.stringContaining('Backups') });
  });

  it('shows how the renewal of certificates ended, too, and ends with 6 where it failed', async () => {
    const { texts } = renewalTimer('weekly', EXECUTABLE);
    await writeFile(join(site.site.seedRoot, UNITS, RENEWAL_TIMER), texts[RENEWAL_TIMER] ?? '');
    await writeLastRun(layout(), 'renewal', { time: TIME, outcome: 'done', renewed: ['depot', 'node-n1'], lastDone: TIME });
    const line = 'Renewal of certificates (weekly): last looked 2026-01-01 00:00:00Z, renewed depot, node-n1';
    expect(await cluster(1)).toMatchObject({ status: 0, out: expect.stringContaining(line) });
    await writeLastRun(layout(), 'renewal', { time: TIME, outcome: 'failed', reason: 'n1 does not answer', lastDone: TIME });
    const failed = await cluster(1);
    expect(failed).toMatchObject({ status: 6, err: expect.stringContaining('the last renewal of certificates failed') });
    expect(failed.err).toContain('journalctl -u caisson-renewal');
    expect(failed.out).toContain('one failed 2026-01-01 00:00:00Z: n1 does not answer');
    const json: unknown = JSON.parse((await cluster(1, '--json')).out.split('\n')[0] ?? '');
    expect(json).toMatchObject({ healthy: false, backup: { state: 'in time' }, renewal: { schedule: 'weekly', state: 'failed' } });
  });

  it('ends with 6 when an authority ends within 60 days, which no run replaces by itself', async () => {
    const { authorities } = layout();
    await mkdir(authorities, { recursive: true });
    const { certificate, key } = await createAuthority({ commonName: 'CA', days: 61, clock: fixedClock(NOON) });
    await writeFile(join(authorities, 'ca.crt'), certificate);
    await writeFile(join(authorities, 'ca.key'), key, { mode: 0o600 });
    expect(await cluster(1)).toMatchObject({ status: 6, err: expect.stringContaining('the authority "site" ends on 2026-03-03') });
    expect((await cluster(1)).err).toContain('caisson certificates rotate site');
    await writeFile(
      join(authorities, 'ca.crt'),
      (await createAuthority({ commonName: 'CA', days: 62, clock: fixedClock(NOON), key })).certificate,
    );
    expect(await cluster(1)).toMatchObject({ status: 0 });
  });

  it('refuses a note that does not say how a backup ended', async () => {
    await writeFile(layout().lastBackup, '{}');
    expect(await cluster(1)).toMatchObject({
      status: 3,
      err: expect.stringContaining('Run the command that writes it anew: caisson backup'),
    });
  });
});
