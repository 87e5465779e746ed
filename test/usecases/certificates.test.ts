import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/index.ts';
import { listCertificates, seedLayout } from '../../src/site/index.ts';
import { install, planRenewal, renewCertificates } from '../../src/usecases/index.ts';
import { failureOf } from '../support/hard-cases.ts';
import { type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);

const yes = async (): Promise<boolean> => true;

async function installed(): Promise<SimulatedSite> {
  const site = await samples.open();
  await site.install();
  return site;
}

function certificateOn(site: SimulatedSite, host: string): string {
  return site.machine(host).text('/etc/caisson/pki/node.crt') ?? '';
}

describe('the certificates of a site', () => {
  it('are listed with subject, names and end, the first to end first', async () => {
    const site = await installed();
    const listed = await listCertificates(seedLayout(site.seedRoot), site.options.clock);
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(['site', 'depot', 'operator', 'node-m1', 'node-f1', 'node-f2']));
    const days = listed.map(({ daysLeft }) => daysLeft);
    expect(days).toEqual([...days].sort((left, right) => left - right));
    expect(listed.find(({ name }) => name === 'site')).toMatchObject({ isAuthority: true, authority: 'site' });
    const node = listed.find(({ name }) => name === 'node-f1');
    const installedOne = new X509Certificate(certificateOn(site, 'f1'));
    expect(node).toMatchObject({ isAuthority: false, authority: 'site', ends: new Date(installedOne.validTo).toISOString() });
    for (const name of node?.names ?? []) expect(installedOne.subjectAltName).toContain(name);
  });

  it('are none on a machine that is no seed', async () => {
    expect(await listCertificates(seedLayout(directory()), systemClock)).toEqual([]);
  });
});

describe('a renewal', () => {
  it('issues what is named with a new key, brings it to its host, and touches nothing else', async () => {
    const site = await installed();
    const before = { f1: certificateOn(site, 'f1'), f2: certificateOn(site, 'f2') };
    const { authorities } = seedLayout(site.seedRoot);
    const authority = await readFile(join(authorities, 'ca.crt'), 'utf8');
    const options = { ...site.options, renew: ['node-f1'] };
    const planned = await planRenewal(options);
    const changes = planned.plan.changes.flatMap((change) =>
      change.action === 'change' ? [`${change.resource.host} ${change.resource.kind}`] : [],
    );
    expect(changes.sort()).toEqual(['f1 certificate', 'f1 unit']);
    expect(planned.plan.changes.filter(({ action }) => ['add', 'remove'].includes(action))).toEqual([]);
    expect(certificateOn(site, 'f1')).toBe(before.f1);
    await renewCertificates(options, yes);
    const after = new X509Certificate(certificateOn(site, 'f1'));
    expect(after.publicKey.equals(new X509Certificate(before.f1).publicKey)).toBe(false);
    expect(after.verify(new X509Certificate(authority).publicKey)).toBe(true);
    expect(certificateOn(site, 'f2')).toBe(before.f2);
    expect((await install(site.options, yes)).changed).toBe(0);
  });

  it('goes on with a plain install when it was killed', async () => {
    const site = await installed();
    const options = { ...site.options, renew: ['node-f1'] };
    const start = site.installer.commands;
    await renewCertificates(options, yes);
    const commands = site.installer.commands - start;
    let renewed = 0;
    for (const share of [0.4, 0.7, 0.8, 0.9, 1]) {
      const before = certificateOn(site, 'f1');
      site.installer.death = { at: site.installer.commands + Math.round(share * commands), carriedOut: true };
      await failureOf(renewCertificates(options, yes));
      site.installer.death = undefined;
      await install(site.options, yes);
      expect(certificateOn(site, 'f1')).toBe(await readFile(join(seedLayout(site.seedRoot).certificates, 'node-f1.crt'), 'utf8'));
      expect((await install(site.options, yes)).changed).toBe(0);
      if (certificateOn(site, 'f1') !== before) renewed += 1;
    }
    expect(renewed).toBeGreaterThan(0);
  }, 60_000);

  it('refuses a name that the site does not have, with the nearest one', async () => {
    const site = await installed();
    const { error } = await failureOf(planRenewal({ ...site.options, renew: ['node-f3'] }));
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('node-f1') });
    expect((await failureOf(planRenewal({ ...site.options, renew: ['site'] }))).message).toContain('no such certificate');
  });
});
