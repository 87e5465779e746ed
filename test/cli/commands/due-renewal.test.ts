import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../../src/core/index.ts';
import { takeMachineLock } from '../../../src/io/index.ts';
import { AGENT_CONFIG, readLastRun, seedLayout, type LastRun } from '../../../src/site/index.ts';
import { NOON, useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { ONE_NODE } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const sites = useCommandSites(temp);
const DAY_MS = 86_400_000;
/** The time of the test, because clients of the depot go by the clock of this machine. */
const LATE_MS = Math.floor(Date.now() / 1000) * 1000;
const LATE = fixedClock(LATE_MS);
const DUE = ['certificates', 'renew', '--due', '--yes'];

/** A site that was installed at a time, by the clocks of the seed and of its machines. */
async function installedAt(time: number): Promise<CommandSite> {
  const made = await sites.bare(ONE_NODE);
  for (const machine of made.site.machines) machine.clockMs = time;
  await made.site.install({ clock: fixedClock(time) });
  return made;
}

const installed = (): Promise<CommandSite> => installedAt(NOON);

/** Its certificates last 825 days and were issued 800 days ago. */
async function installedLongAgo(): Promise<CommandSite> {
  const made = await installedAt(LATE_MS - 800 * DAY_MS);
  for (const machine of made.site.machines) machine.clockMs = LATE_MS;
  return made;
}

const lastOf = ({ site }: CommandSite): Promise<LastRun | undefined> => readLastRun(seedLayout(site.seedRoot), 'renewal');
const nodeCertificate = ({ site }: CommandSite): string => site.machine('n1').text('/etc/caisson/pki/node.crt') ?? '';

describe('caisson certificates renew --due', () => {
  it('says that none is due, asks no host, and notes that it looked', async () => {
    const made = await installed();
    const before = made.site.installer.commands;
    expect(await made.run(DUE)).toMatchObject({ status: 0, out: expect.stringContaining('No certificate is due') });
    expect(made.site.installer.commands).toBe(before);
    const time = new Date(NOON).toISOString();
    expect(await lastOf(made)).toEqual({ time, outcome: 'done', renewed: [], lastDone: time });
  });

  it('renews all that end within 60 days, once, and changes nothing else', async () => {
    const made = await installedLongAgo();
    const before = nodeCertificate(made);
    expect(await made.run([...DUE.slice(0, 3), '--plan'], { clock: LATE })).toMatchObject({ status: 0 });
    expect([nodeCertificate(made), await lastOf(made)]).toEqual([before, undefined]);
    expect(await made.run(DUE, { clock: LATE })).toMatchObject({ status: 0, err: expect.not.stringContaining('error') });
    expect(nodeCertificate(made)).not.toBe(before);
    expect((await lastOf(made))?.renewed).toEqual(expect.arrayContaining(['depot', 'node-n1', 'operator']));
    const renewed = nodeCertificate(made);
    expect(await made.run(DUE, { clock: LATE })).toMatchObject({ status: 0, out: expect.stringContaining('No certificate is due') });
    expect(nodeCertificate(made)).toBe(renewed);
  });

  it('changes nothing where something else was declared anew or differs on a host, and names it', async () => {
    const made = await installedLongAgo();
    const before = nodeCertificate(made);
    const text = made.site.machine('n1').text(AGENT_CONFIG) ?? '';
    made.site.machine('n1').write(AGENT_CONFIG, `${text}# by hand\n`, 0o644);
    const refused = await made.run(DUE, { clock: LATE });
    expect(refused).toMatchObject({ status: 6, err: expect.stringContaining(`change file ${AGENT_CONFIG} on n1 (`) });
    expect(refused.err).toContain('CHANGES_PENDING');
    expect(nodeCertificate(made)).toBe(before);
    expect(await lastOf(made)).toMatchObject({ outcome: 'failed', reason: expect.stringContaining(AGENT_CONFIG) });
    expect(await made.run(['install', '--offline', '--yes'], { clock: LATE })).toMatchObject({ status: 0 });
    expect(nodeCertificate(made)).not.toBe(before);
  });

  it('notes nothing while another run holds the install lock', async () => {
    const made = await installedLongAgo();
    const release = await takeMachineLock(seedLayout(made.site.seedRoot).lock);
    expect(await made.run(DUE, { clock: LATE })).toMatchObject({ status: 7, err: expect.stringContaining('INSTALL_LOCKED') });
    await release?.();
    expect(await lastOf(made)).toBeUndefined();
  });

  it('takes no names beside it, and names are needed without it', async () => {
    const made = await installedLongAgo();
    expect(await made.run([...DUE, 'depot'])).toMatchObject({ status: 2, err: expect.stringContaining('by name and --due at once') });
    expect(await made.run(['certificates', 'renew', '--yes'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('no certificate is named'),
    });
    expect(await lastOf(made)).toBeUndefined();
  });
});
