import { X509Certificate } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../src/core/index.ts';
import { certificateInfo, openKeptAuthority, type CertificateSubject, type KeptAuthority } from '../../src/pki/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const SUBJECT = {
  commonName: 'system:node:m1',
  organizations: ['system:nodes', 'ops, people'],
  dnsNames: ['m1', 'm1.example'],
  addresses: ['10.0.0.11', 'fd00::1'],
  usages: 'both',
} as const satisfies CertificateSubject;

const directory = useTempDir();

function open(now = NOW, name?: string): KeptAuthority {
  return openKeptAuthority({
    directory: join(directory(), 'pki'),
    store: join(directory(), 'store'),
    commonName: 'lab site authority',
    clock: fixedClock(now),
    ...(name === undefined ? {} : { name }),
  });
}

const file = (name: string): string => join(directory(), name);

describe('openKeptAuthority', () => {
  it('issues a certificate once and gives the same one to later runs', async () => {
    const first = await open().obtain('m1', SUBJECT);
    expect(await open().obtain('m1', SUBJECT)).toEqual(first);
    const issuer = new X509Certificate((await open().obtainAuthority()).certificate);
    expect(new X509Certificate(first.certificate).verify(issuer.publicKey)).toBe(true);
    expect(issuer.subject).toBe('CN=lab site authority');
  });

  it('makes nothing when it is only asked for what there is', async () => {
    expect(await open().peek('m1', SUBJECT)).toBeUndefined();
    expect(await open().peekAuthority()).toBeUndefined();
    expect(await readdir(directory())).toEqual([]);
  });

  it('says organizations and usage in the certificate', async () => {
    const { certificate } = await open().obtain('m1', SUBJECT);
    expect(certificateInfo(certificate)).toMatchObject({
      commonName: 'system:node:m1',
      organizations: ['system:nodes', 'ops, people'],
      usages: 'both',
    });
  });

  it.each<[string, Partial<CertificateSubject>]>([
    ['common name', { commonName: 'm2' }],
    ['organizations', { organizations: ['system:nodes'] }],
    ['host names', { dnsNames: ['m1'] }],
    ['addresses', { addresses: ['10.0.0.12', 'fd00::1'] }],
    ['usage', { usages: 'server' }],
  ])('issues anew when the %s changed', async (_, change) => {
    const first = await open().obtain('m1', SUBJECT);
    expect(await open().peek('m1', { ...SUBJECT, ...change })).toBeUndefined();
    const second = await open().obtain('m1', { ...SUBJECT, ...change });
    expect(second).not.toEqual(first);
    expect(await open().peek('m1', { ...SUBJECT, ...change })).toEqual(second);
  });

  it('takes names in another order and addresses in another spelling for the same', async () => {
    const first = await open().obtain('m1', SUBJECT);
    const same = {
      ...SUBJECT,
      organizations: ['ops, people', 'system:nodes'],
      dnsNames: ['m1.example', 'm1', 'm1'],
      addresses: ['fd00:0:0::1', '10.0.0.11'],
    };
    expect(await open().peek('m1', same)).toEqual(first);
  });

  it('issues anew when the end is near', async () => {
    const first = await open().obtain('m1', SUBJECT);
    expect(await open(NOW + 764 * DAY).peek('m1', SUBJECT)).toEqual(first);
    expect(await open(NOW + 765 * DAY).peek('m1', SUBJECT)).toBeUndefined();
    expect(await open(NOW + 765 * DAY).obtain('m1', SUBJECT)).not.toEqual(first);
  });

  it('keeps a certificate that ends with its authority, which another one could not outlive', async () => {
    await open().obtainAuthority();
    const last = await open(NOW + 3620 * DAY).obtain('m1', SUBJECT);
    expect(await open(NOW + 3630 * DAY).obtain('m1', SUBJECT)).toEqual(last);
    await expect(open(NOW + 3651 * DAY).obtain('m1', SUBJECT)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' });
  });

  it('never renews the authority, but says when its end is near', async () => {
    const made = await open().obtainAuthority();
    expect(made.warning).toBeUndefined();
    expect(await open(NOW + 3249 * DAY).peekAuthority()).toEqual(made);
    const late = await open(NOW + 3250 * DAY).obtainAuthority();
    expect(late).toEqual({ certificate: made.certificate, warning: expect.stringMatching(/ends on 2035-12-30, in 400 days/) });
    expect((await open(NOW + 3651 * DAY).peekAuthority())?.warning).toMatch(/ended on 2035-12-30/);
  });

  it('does not use a pair that a crash cut in half', async () => {
    const first = await open().obtain('m1', SUBJECT);
    await rm(file('store/m1.crt'));
    expect(await open().peek('m1', SUBJECT)).toBeUndefined();
    expect(await open().obtain('m1', SUBJECT)).not.toEqual(first);
  });

  it('does not use a certificate with the key of another', async () => {
    await open().obtain('m1', SUBJECT);
    const other = await open().obtain('m2', SUBJECT);
    await writeFile(file('store/m1.key'), other.key, { mode: 0o600 });
    expect(await open().peek('m1', SUBJECT)).toBeUndefined();
  });

  it('certifies the same key again when the certificate of the authority is missing', async () => {
    const issued = await open().obtain('m1', SUBJECT);
    const key = await readFile(file('pki/ca.key'), 'utf8');
    await rm(file('pki/ca.crt'));
    expect(await open().peekAuthority()).toBeUndefined();
    expect(await open().peek('m1', SUBJECT)).toBeUndefined();
    await open().obtainAuthority();
    expect(await readFile(file('pki/ca.key'), 'utf8')).toBe(key);
    expect(await open().peek('m1', SUBJECT)).toEqual(issued);
  });

  it('refuses an authority that has lost its key, and replaces nothing', async () => {
    const { certificate } = await open().obtainAuthority();
    await rm(file('pki/ca.key'));
    for (const ask of [() => open().peekAuthority(), () => open().obtainAuthority(), () => open().obtain('m1', SUBJECT)]) {
      await expect(ask()).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID', message: expect.stringContaining('ca.key" is missing') });
    }
    expect(await readFile(file('pki/ca.crt'), 'utf8')).toBe(certificate);
  });

  it('refuses an authority with the key of another', async () => {
    await open().obtainAuthority();
    await open(NOW, 'etcd').obtainAuthority();
    await writeFile(file('pki/ca.key'), await readFile(file('pki/etcd.key')), { mode: 0o600 });
    await expect(open().obtainAuthority()).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: expect.stringContaining('ca.key" is not its key'),
    });
  });

  it('refuses a key that others can read', async () => {
    await open().obtainAuthority();
    await chmod(file('pki/ca.key'), 0o640);
    await expect(open().obtainAuthority()).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
  });

  it('keeps several authorities apart, each with what it issued', async () => {
    const [own, etcd] = [await open().obtain('m1', SUBJECT), await open(NOW, 'etcd').obtain('m1', SUBJECT)];
    expect(await open().peek('m1', SUBJECT)).toEqual(own);
    expect(await open(NOW, 'etcd').peek('m1', SUBJECT)).toEqual(etcd);
    expect((await open().peekAuthority())?.certificate).not.toBe((await open(NOW, 'etcd').peekAuthority())?.certificate);
    const issuer = new X509Certificate((await open().obtainAuthority()).certificate);
    expect(new X509Certificate(etcd.certificate).verify(issuer.publicKey)).toBe(false);
  });

  it('keeps every key readable by its owner alone', async () => {
    await open().obtain('m1', SUBJECT);
    for (const key of ['pki/ca.key', 'store/m1.key']) expect((await stat(file(key))).mode & 0o777).toBe(0o600);
    expect((await stat(file('pki/ca.crt'))).mode & 0o777).toBe(0o644);
    expect((await stat(file('store'))).mode & 0o777).toBe(0o700);
  });
});
