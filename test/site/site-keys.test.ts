import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../src/core/index.ts';
import { openSiteAuthority, type SiteAuthority } from '../../src/install/site-authority.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const SUBJECT = { commonName: 'm1', dnsNames: ['m1'], addresses: ['10.0.0.11'], usages: 'both' } as const;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-authority-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function open(now = NOW): SiteAuthority {
  return openSiteAuthority({ pki: join(directory, 'pki'), store: join(directory, 'store'), name: 'lab', clock: fixedClock(now) });
}

describe('openSiteAuthority', () => {
  it('issues a certificate once and gives the same one to later runs', async () => {
    const first = await open().obtain('m1', SUBJECT);
    expect(await open().obtain('m1', SUBJECT)).toEqual(first);
    const issuer = new X509Certificate(await open().obtainAuthority());
    expect(new X509Certificate(first.certificate).verify(issuer.publicKey)).toBe(true);
  });

  it('makes nothing when it is only asked what there is', async () => {
    expect(await open().peek('m1', SUBJECT)).toBeUndefined();
    expect(await open().peekAuthority()).toBeUndefined();
  });

  it('issues anew when the names changed or the end is near', async () => {
    const first = await open().obtain('m1', SUBJECT);
    expect(await open().peek('m1', { ...SUBJECT, addresses: ['10.0.0.12'] })).toBeUndefined();
    expect(await open(NOW + 700 * DAY).peek('m1', SUBJECT)).toEqual(first);
    expect(await open(NOW + 780 * DAY).peek('m1', SUBJECT)).toBeUndefined();
    expect(await open(NOW + 780 * DAY).obtain('m1', SUBJECT)).not.toEqual(first);
  });

  it('does not use a pair that a crash cut in half', async () => {
    await open().obtain('m1', SUBJECT);
    await unlink(join(directory, 'store/m1.crt'));
    expect(await open().peek('m1', SUBJECT)).toBeUndefined();
    expect((await open().obtain('m1', SUBJECT)).certificate).toContain('BEGIN CERTIFICATE');
  });

  it('keeps every key readable by its owner alone', async () => {
    await open().obtain('m1', SUBJECT);
    for (const key of ['pki/ca.key', 'store/m1.key']) expect((await stat(join(directory, key))).mode & 0o777).toBe(0o600);
  });
});
