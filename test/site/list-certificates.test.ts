import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../src/core/index.ts';
import {
  dueCertificates,
  listCertificates,
  listRotations,
  openSiteKeys,
  seedLayout,
  SITE_AUTHORITY,
  writeGenerations,
  type Generations,
  type SiteCertificate,
} from '../../src/site/index.ts';
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

describe('dueCertificates', () => {
  const row = (name: string, ends: number, isAuthority = false): SiteCertificate => {
    const rest = { subject: '', names: [], daysLeft: 0 };
    return { ...rest, name, authority: isAuthority ? name : 'a', isAuthority, ends: new Date(ends).toISOString() };
  };

  it('are those that end within 60 days and before their authority, and those that have ended', () => {
    const days = (number: number): number => NOW + number * DAY;
    const list = [row('a', days(50), true), row('early', days(49)), row('with', days(50)), row('ended', days(-1))];
    expect(dueCertificates(list, fixedClock(NOW)).map(({ name }) => name)).toEqual(['early', 'ended']);
    const later = [row('a', days(900), true), row('at', days(60)), row('after', days(60) + 1), row('authority', days(1), true)];
    expect(dueCertificates(later, fixedClock(NOW)).map(({ name }) => name)).toEqual(['at']);
  });

  it('are the certificates that the keys of the site find no longer good', async () => {
    await issueAll();
    const layout = seedLayout(directory());
    for (const [day, due] of [
      [700, 0],
      [764, 0],
      [766, 4],
    ] as const) {
      const clock = fixedClock(NOW + day * DAY);
      expect(dueCertificates(await listCertificates(layout, clock), clock)).toHaveLength(due);
      const before = await readFile(join(layout.certificates, 'm1.crt'), 'utf8');
      const keys = openSiteKeys(layout, { name: 'lab', clock, resolvePath: (path) => path });
      const subject = { commonName: 'm1', dnsNames: ['m1.lab', 'localhost'], addresses: ['10.0.0.11'], usages: 'both' } as const;
      await (await keys.certificate('m1', SITE_AUTHORITY, subject)).certificate.read();
      expect((await readFile(join(layout.certificates, 'm1.crt'), 'utf8')) === before).toBe(due === 0);
    }
  });
});

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

describe('certificates while an authority is replaced', () => {
  /** Makes two generations of "etcd" as a rotation does, notes that it has come this far, and lists the authorities. */
  async function authoritiesAt(stored: Generations): Promise<readonly string[]> {
    await issueAll();
    const layout = seedLayout(directory());
    const rotate = { authority: 'etcd', generations: { issuer: 1, next: 2 } };
    const keys = openSiteKeys(layout, { name: 'lab', clock: fixedClock(NOW), rotate, resolvePath: (path) => path });
    await (await keys.authority('etcd')).read();
    await writeGenerations(layout, 'etcd', stored);
    const listed = await listCertificates(layout, fixedClock(NOW));
    return listed.flatMap(({ name, authority, subject, isAuthority }) =>
      isAuthority && authority === 'etcd' ? [`${name}: ${subject}`] : [],
    );
  }

  it.each<readonly [string, Generations, readonly string[]]>([
    [
      'the one after beside the present one',
      { issuer: 1, next: 2 },
      ['etcd: CN=lab etcd authority', 'etcd (next): CN=lab etcd authority 2'],
    ],
    [
      'the one before beside the new one',
      { issuer: 2, before: 1 },
      ['etcd (before): CN=lab etcd authority', 'etcd: CN=lab etcd authority 2'],
    ],
    ['only the new one once the other is trusted no more', { issuer: 2, retired: 1 }, ['etcd: CN=lab etcd authority 2']],
    ['only the present one where a rotation was killed before it was noted', { issuer: 1 }, ['etcd: CN=lab etcd authority']],
  ])('list %s', async (_, stored, expected) => {
    expect([...(await authoritiesAt(stored))].sort()).toEqual([...expected].sort());
  });

  it('say which rotations are under way, and how far', async () => {
    const layout = seedLayout(directory());
    expect(await listRotations(layout)).toEqual(new Map());
    await authoritiesAt({ issuer: 2, before: 1 });
    expect(await listRotations(layout)).toEqual(new Map([['etcd', 'issue']]));
    await writeGenerations(layout, 'etcd', { issuer: 2 });
    expect(await listRotations(layout)).toEqual(new Map());
  });
});
