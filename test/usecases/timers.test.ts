import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { BACKUP_TIMER, BACKUP_UNIT, RENEWAL_TIMER, RENEWAL_UNIT, UNITS } from '../../src/site/index.ts';
import { planInstall, reset } from '../../src/usecases/index.ts';
import { ONE_NODE, writeSampleBundle } from '../support/sample-install.ts';
import { simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const shared = useSharedTempDir();
const ending = useEnding<SimulatedSite>();
const TIMER = `${UNITS}/${BACKUP_TIMER}`;
const SERVICE = `${UNITS}/${BACKUP_UNIT}`;
let bundle: string;
beforeAll(async () => {
  bundle = await writeSampleBundle(`${shared()}/sample.tar`);
});

/** An installed site, and how its backup section is replaced. */
async function siteWith(schedule: string): Promise<{ readonly site: SimulatedSite; readonly declare: (more: string) => Promise<void> }> {
  const site = ending(await simulatedSite({ directory: directory(), bundle, nodes: ONE_NODE }));
  const { clusterPath } = site.options;
  const before = await readFile(clusterPath, 'utf8');
  const declare = async (more: string): Promise<void> => writeFile(clusterPath, `${before}${more}`);
  await declare(sectionWith(schedule));
  await site.install();
  return { site, declare };
}

const sectionWith = (schedule: string): string =>
  `backup: { directory: /srv/backups, recipients: [./operator.asc], schedule: "${schedule}" }\n`;

describe('the timer of renewals', () => {
  const paths = [`${UNITS}/${RENEWAL_TIMER}`, `${UNITS}/${RENEWAL_UNIT}`];

  it('is on every seed, weekly where cluster.yaml says nothing, and starts a service that renews what is due and does nothing else', async () => {
    const site = ending(await simulatedSite({ directory: directory(), bundle, nodes: ONE_NODE }));
    await site.install();
    const seed = site.machine('n1');
    expect(seed.text(paths[0] ?? '')).toContain('[Timer]\nOnCalendar=weekly\nPersistent=true\n');
    expect(seed.text(paths[1] ?? '')).toContain('ExecStart=/usr/local/bin/caisson certificates renew --due --yes\n');
    expect(seed.units.get(RENEWAL_TIMER)?.started).toBeDefined();
    expect(seed.units.get(RENEWAL_UNIT)).toMatchObject({ enabled: false, started: undefined });
  });

  it('follows cluster.yaml, and goes where that says never', async () => {
    const { site, declare } = await siteWith('daily');
    await declare('certificates: { renewal: Sun 03:00 }\n');
    await site.install();
    const seed = site.machine('n1');
    expect(seed.text(paths[0] ?? '')).toContain('OnCalendar=Sun 03:00\n');
    await declare('certificates: { renewal: never }\n');
    await site.install();
    expect(paths.map((path) => seed.files.has(path))).toEqual([false, false]);
    expect(seed.units.get(RENEWAL_TIMER)?.started).toBeUndefined();
  });
});

describe('a schedule of backups', () => {
  it('is a timer on the seed, which starts a service that is not started at boot', async () => {
    const { site } = await siteWith('Sun 02:30');
    const seed = site.machine('n1');
    expect(seed.text(TIMER)).toContain('[Timer]\nOnCalendar=Sun 02:30\nPersistent=true\n');
    expect(seed.text(SERVICE)).toContain('Type=oneshot\nExecStart=/usr/local/bin/caisson backup\n');
    expect(seed.text(SERVICE)).not.toContain('WantedBy');
    const timer = seed.units.get(BACKUP_TIMER);
    expect({ enabled: timer?.enabled, running: timer?.started !== undefined }).toEqual({ enabled: true, running: true });
    expect(seed.units.get(BACKUP_UNIT)).toMatchObject({ enabled: false, started: undefined });
    expect((await site.install()).changed).toBe(0);
  });

  it('restarts the timer alone when it changes', async () => {
    const { site, declare } = await siteWith('daily');
    await declare(sectionWith('hourly'));
    const { plan } = await planInstall(site.options);
    const summaries = plan.steps.filter(({ type }) => type === 'make').map(({ summary }) => summary);
    expect(summaries).toContain('start the timer of backups');
    expect(summaries).not.toContain('serve the bundle');
    site.machine('n1').restarted.splice(0);
    await site.install();
    expect(site.machine('n1').restarted).toEqual([BACKUP_TIMER]);
    expect(site.machine('n1').text(TIMER)).toContain('OnCalendar=hourly\n');
  });

  it.each<readonly [string, (made: Awaited<ReturnType<typeof siteWith>>) => Promise<unknown>]>([
    ['the section', async ({ site, declare }) => declare('').then(() => site.install())],
    ['the site', async ({ site }) => reset({ ...site.options, bundlePaths: undefined }, async () => true)],
  ])('goes with %s', async (_, end) => {
    const made = await siteWith('daily');
    const seed = made.site.machine('n1');
    await end(made);
    expect([TIMER, SERVICE].map((path) => seed.files.has(path))).toEqual([false, false]);
    const timer = seed.units.get(BACKUP_TIMER);
    expect([timer?.enabled ?? false, timer?.started]).toEqual([false, undefined]);
  });
});
