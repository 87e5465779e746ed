import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../src/core/index.ts';
import { listCertificates, openSiteKeys, seedLayout, SITE_AUTHORITY } from '../../src/site/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const directory = useTempDir();

/** Makes the authorities "site" and "etcd", and a certificate of each for two hosts. */
async function issueAll(): Promise<void> {
  const keys = openSiteKeys(seedLayout(directory()), { name: 'lab', clock: fixedClock(NOW), resolvePath: (path) => path });
  for (const authority of [SITE_AUTHORITY, 'etcd'])
    for (const host of ['m2', 'm1']) {
      const subject = { commonName: host, dnsNames: [`${host}.lab`, 'localhost'], addresses: ['10.0.0.11'], usages: 'both' } as const;
      await (await keys.certificate(host, authority, subject)).certificate.read();
    }
}

async function endOf(path: string): Promise<number> {
  return Date.parse(new X509Certificate(await readFile(path)).validTo);
}

describe('listCertificates', () => {
  it('lists what each authority issued and the authorities, the first to end first', async () => {
    await issueAll();
    const layout = seedLayout(directory());
    await writeFile(join(layout.certificates, 'm1.crt.tmp'), 'half');
    const ends = await endOf(join(layout.certificates, 'm1.crt'));
    const listed = await listCertificates(layout, fixedClock(ends - 10.5 * DAY));
    expect(listed.map(({ name, authority, isAuthority }) => [name, authority, isAuthority])).toEqual([
      ['etcd/m1', 'etcd', false],
      ['etcd/m2', 'etcd', false],
      ['m1', 'site', false],
      ['m2', 'site', false],
      ['etcd', 'etcd', true],
      ['site', 'site', true],
    ]);
    expect(listed[2]).toEqual({
      name: 'm1',
      authority: 'site',
      isAuthority: false,
      subject: 'CN=m1',
      names: ['m1.lab', 'localhost', '10.0.0.11'],
      ends: new Date(ends).toISOString(),
      daysLeft: 10,
    });
  });

  it('counts whole days, also behind the end', async () => {
    await issueAll();
    const layout = seedLayout(directory());
    const ends = await endOf(join(layout.certificates, 'm1.crt'));
    const daysAt = async (now: number) => (await listCertificates(layout, fixedClock(now))).find(({ name }) => name === 'm1')?.daysLeft;
    expect(await Promise.all([ends - DAY, ends - DAY + 1, ends, ends + 1, ends + DAY].map(daysAt))).toEqual([1, 0, 0, -1, -1]);
  });

  it('is empty on a machine that keeps none', async () => {
    expect(await listCertificates(seedLayout(directory()), fixedClock(NOW))).toEqual([]);
  });

  it('says where it cannot look', async () => {
    await issueAll();
    const { certificates } = seedLayout(directory());
    await rm(certificates, { recursive: true });
    await mkdir(dirname(certificates), { recursive: true });
    await writeFile(certificates, 'no directory');
    await expect(listCertificates(seedLayout(directory()), fixedClock(NOW))).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: `Cannot look for certificates in "${certificates}"`,
      cause: expect.objectContaining({ code: 'ENOTDIR' }),
    });
  });
});
