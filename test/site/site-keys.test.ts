import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf, fixedClock } from '../../src/core/index.ts';
import {
  openSecretStore,
  openSiteKeys,
  seedLayout,
  SITE_AUTHORITY,
  writeGenerations,
  type KeptText,
  type SiteKeys,
  type SiteKeysOptions,
} from '../../src/site/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const SUBJECT = { commonName: 'm1', dnsNames: ['m1'], addresses: ['10.0.0.11'], usages: 'both' } as const;
const directory = useTempDir();

function openWith(options: Partial<SiteKeysOptions>): SiteKeys {
  return openSiteKeys(seedLayout(directory()), {
    name: 'lab',
    clock: fixedClock(NOW),
    resolvePath: (path) => join(directory(), path),
    ...options,
  });
}

function open(now = NOW, renew?: readonly string[]): SiteKeys {
  return openWith({ clock: fixedClock(now), renew });
}

async function textsOf(keys: SiteKeys, id = 'm1', authority: string = SITE_AUTHORITY) {
  const { certificate, key } = await keys.certificate(id, authority, SUBJECT);
  return { certificate: await certificate.read(), key: await key.read() };
}

async function read(text: Promise<KeptText>): Promise<string> {
  return (await text).read();
}

async function writeSecret(name: string, text: string): Promise<void> {
  const { secrets } = seedLayout(directory());
  await mkdir(secrets, { recursive: true });
  await writeFile(join(secrets, name), text, { mode: 0o600 });
}

/** Every file below the directory. */
async function files(): Promise<readonly string[]> {
  const entries = await readdir(directory(), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('openSiteKeys', () => {
  it('makes nothing before a text is read, whatever it is asked for', async () => {
    const keys = open();
    const { certificate, key } = await keys.certificate('m1', SITE_AUTHORITY, SUBJECT);
    const pair = await keys.keyPair('accounts');
    const texts = [
      ...[certificate, key, pair.private, pair.public],
      ...[await keys.secret('store-root', 24), await keys.authority(SITE_AUTHORITY), await keys.repositoryKey()],
    ];
    expect(texts.map(({ digest }) => digest)).toEqual(texts.map(() => undefined));
    expect(await keys.found([SITE_AUTHORITY, 'etcd'])).toEqual({ authorities: {}, held: {}, rotations: {}, secrets: [] });
    expect(await readdir(directory())).toEqual([]);
  });

  it('knows the digest of what was made before', async () => {
    const text = await read(open().secret('store-root', 24));
    expect((await open().secret('store-root', 24)).digest).toBe(digestOf(text));
    const { certificate } = await textsOf(open());
    expect((await open().certificate('m1', SITE_AUTHORITY, SUBJECT)).certificate.digest).toBe(digestOf(certificate));
  });

  it('makes everything once, also when many ask for it at once', async () => {
    const keys = open();
    const made: readonly ((own: SiteKeys) => Promise<string>)[] = [
      (own) => read(own.secret('store-root', 24)),
      (own) => read(own.authority(SITE_AUTHORITY)),
      async (own) => JSON.stringify(await textsOf(own)),
      async (own) => (await own.keyPair('accounts')).private.read(),
      async (own) => (await own.keyPair('accounts')).public.read(),
      (own) => read(own.repositoryKey()),
    ];
    for (const make of made) {
      const texts = await Promise.all(Array.from({ length: 20 }, () => make(keys)));
      expect(new Set([...texts, await make(open())]).size).toBe(1);
    }
  });

  it('keeps every key and every secret readable by its owner alone', async () => {
    await textsOf(open());
    await textsOf(open(), 'm1', 'etcd');
    await read(open().secret('store-root', 24));
    await (await open().keyPair('accounts')).private.read();
    await read(open().repositoryKey());
    const secret = (await files()).filter((file) => file.endsWith('.key') || file.includes('/secrets/'));
    expect(secret.length).toBe(7);
    for (const file of secret) expect(`${file} ${((await stat(file)).mode & 0o777).toString(8)}`).toBe(`${file} 600`);
  });
});

describe('certificates of a site', () => {
  it('are issued by the authority of the site, which is named after it', async () => {
    const { certificate, key } = await textsOf(open());
    const issuer = new X509Certificate(await read(open().authority(SITE_AUTHORITY)));
    expect(issuer.subject).toBe('CN=lab site authority');
    expect(new X509Certificate(certificate).verify(issuer.publicKey)).toBe(true);
    expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))).toBe(true);
  });

  it('are issued anew when the names changed or the end is near', async () => {
    const first = await textsOf(open());
    const peek = async (now: number, subject = {}) =>
      (await open(now).certificate('m1', SITE_AUTHORITY, { ...SUBJECT, ...subject })).certificate.digest;
    expect(await peek(NOW, { addresses: ['10.0.0.12'] })).toBeUndefined();
    expect(await peek(NOW + 700 * DAY)).toBe(digestOf(first.certificate));
    expect(await peek(NOW + 780 * DAY)).toBeUndefined();
    expect(await textsOf(open(NOW + 780 * DAY))).not.toEqual(first);
  });

  it.each([
    ['m1', [true, false, false]],
    ['m2', [false, true, false]],
    ['etcd/m1', [false, false, true]],
    ['etcd-x/m1', [false, false, false]],
    ['et', [false, false, false]],
  ] as const)('are issued again when %s is to be renewed, and no others', async (renewed, expected) => {
    const asked = [
      ['m1', SITE_AUTHORITY],
      ['m2', SITE_AUTHORITY],
      ['m1', 'etcd'],
    ] as const;
    for (const [id, authority] of asked) await textsOf(open(), id, authority);
    const keys = open(NOW, [renewed]);
    const texts = asked.map(async ([id, authority]) => (await keys.certificate(id, authority, SUBJECT)).certificate.digest === undefined);
    expect(await Promise.all(texts)).toEqual(expected);
  });

  it('are not taken from a pair that a crash cut in half', async () => {
    await textsOf(open());
    await rm(join(seedLayout(directory()).certificates, 'm1.crt'));
    expect((await open().certificate('m1', SITE_AUTHORITY, SUBJECT)).key.digest).toBeUndefined();
    expect((await textsOf(open())).certificate).toContain('BEGIN CERTIFICATE');
  });
});

describe('the authorities of a site', () => {
  const names = [SITE_AUTHORITY, 'etcd', 'front-proxy'];

  it('do not issue for each other: the same id is another certificate under each', async () => {
    const keys = open();
    const issuers = new Map<string, X509Certificate>();
    for (const name of names) issuers.set(name, new X509Certificate(await read(keys.authority(name))));
    for (const name of names) {
      const certificate = new X509Certificate((await textsOf(keys, 'm1', name)).certificate);
      const verifiedBy = [...issuers].filter(([, issuer]) => certificate.verify(issuer.publicKey)).map(([own]) => own);
      expect(verifiedBy).toEqual([name]);
    }
    expect(new Set([...issuers.values()].map(({ subject }) => subject)).size).toBe(names.length);
  });

  it('are found by the fingerprints of their certificates, and secrets by their names', async () => {
    const keys = open();
    const etcd = new X509Certificate(await read(keys.authority('etcd')));
    for (const name of ['web-token', 'store-root']) await read(keys.secret(name, 24));
    expect(await open().found(names)).toMatchObject({ authorities: { etcd: etcd.fingerprint256 }, secrets: ['store-root', 'web-token'] });
  });

  it('are not found when their key is lost, and are never made anew', async () => {
    await read(open().authority('etcd'));
    await rm(join(seedLayout(directory()).authorities, 'etcd.key'));
    expect((await open().found(['etcd'])).authorities).toEqual({});
    await expect(open().authority('etcd')).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' });
    await expect(open().certificate('m1', 'etcd', SUBJECT)).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' });
  });

  it('are no reason to go on when their key is open to others', async () => {
    await read(open().authority('etcd'));
    await chmod(join(seedLayout(directory()).authorities, 'etcd.key'), 0o644);
    await expect(open().found(['etcd'])).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
  });
});

describe('an authority of a site that is replaced', () => {
  const PHASES = [
    { issuer: 1, next: 2 },
    { issuer: 2, before: 1 },
    { issuer: 2, retired: 1 },
  ] as const;
  const certificatesIn = (text: string): readonly string[] => text.match(/-----BEGIN[^]*?-----END CERTIFICATE-----\n/g) ?? [];

  /** Whether generations 1 and 2 are trusted, in the order of the text, and which of them issued the certificate of m1. */
  async function seenWith(keys: SiteKeys) {
    const trusted = certificatesIn(await read(keys.authority('etcd'))).map((text) => new X509Certificate(text));
    const issued = new X509Certificate((await textsOf(keys, 'm1', 'etcd')).certificate);
    return { trusted: trusted.map(({ subject }) => subject), issuer: issued.issuer };
  }

  const [FIRST, SECOND] = ['CN=lab etcd authority', 'CN=lab etcd authority 2'];

  it.each([
    ['trust', PHASES[0], [FIRST, SECOND], FIRST],
    ['issue', PHASES[1], [SECOND, FIRST], SECOND],
    ['retire', PHASES[2], [SECOND], SECOND],
  ] as const)('in phase %s: hosts trust these, the one that issues first', async (phase, generations, trusted, issuer) => {
    await seenWith(open());
    for (const before of PHASES.slice(0, PHASES.indexOf(generations)))
      await seenWith(openWith({ rotate: { authority: 'etcd', generations: before } }));
    // What is planned counts, then what is stored does.
    expect(await seenWith(openWith({ rotate: { authority: 'etcd', generations } }))).toEqual({ trusted, issuer });
    await writeGenerations(seedLayout(directory()), 'etcd', generations);
    expect(await seenWith(open())).toEqual({ trusted, issuer });
    const found = await open().found(['etcd', SITE_AUTHORITY]);
    expect(found.rotations).toEqual({ etcd: phase });
    expect(found.held['etcd']).toHaveLength(2);
    expect(found.held['etcd']?.[0]).toBe(found.authorities['etcd']);
  });

  it('has no digest until each certificate that hosts shall trust is made', async () => {
    const first = await read(open().authority('etcd'));
    const keys = openWith({ rotate: { authority: 'etcd', generations: PHASES[0] } });
    expect((await keys.authority('etcd')).digest).toBeUndefined();
    const both = await read(keys.authority('etcd'));
    expect(both.startsWith(first)).toBe(true);
    expect((await keys.authority('etcd')).digest).toBe(digestOf(both));
    expect((await keys.authority(SITE_AUTHORITY)).digest).toBeUndefined();
  });
});

describe('key pairs of a site', () => {
  it.each(['.key', '.pub'])('are made anew when a crash left the other half of %s alone', async (lost) => {
    const first = await (await open().keyPair('accounts')).public.read();
    await rm(join(seedLayout(directory()).certificates, 'pairs', `accounts${lost}`));
    const pair = await open().keyPair('accounts');
    expect([pair.private.digest, pair.public.digest]).toEqual([undefined, undefined]);
    const key = createPrivateKey(await pair.private.read());
    const made = await (await open().keyPair('accounts')).public.read();
    expect(createPublicKey(key).export({ type: 'spki', format: 'pem' })).toBe(made);
    expect(made).not.toBe(first);
  });

  it('have digests once they are made', async () => {
    const [own, login] = [await (await open().keyPair('accounts')).public.read(), await (await open().loginKey()).public.read()];
    expect((await open().keyPair('accounts')).public.digest).toBe(digestOf(own));
    expect((await open().loginKey()).public.digest).toBe(digestOf(login));
    expect(login).toMatch(/^ssh-ed25519 \S+ caisson lab\n?$/);
  });

  it('are shared: every host gets both halves of the same pair', async () => {
    const halves = async () => {
      const pair = await open().keyPair('accounts');
      return { private: await pair.private.read(), public: await pair.public.read() };
    };
    const first = await halves();
    expect(await halves()).toEqual(first);
    const key = createPrivateKey(first.private);
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(createPublicKey(key).export({ type: 'spki', format: 'pem' })).toBe(first.public);
  });

  it('are others under other names', async () => {
    const texts = await Promise.all(['accounts', 'tokens'].map(async (name) => (await open().keyPair(name)).public.read()));
    expect(new Set(texts).size).toBe(2);
  });
});

describe('secrets of a site', () => {
  it('are as long as they should be, and stay when that changes', async () => {
    const text = await read(open().secret('store-root', 40));
    expect(text).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(await read(open().secret('store-root', 12))).toBe(text);
  });

  it('are the new ones while they are changed, planned or begun, and no others', async () => {
    for (const name of ['db-root', 'web-token', 'store-root']) await writeSecret(name, `old-${name}`);
    await openSecretStore(seedLayout(directory()).secrets).begin({ name: 'web-token', old: 'old-web-token', new: 'new-web-token' });
    const secretChange = { name: 'db-root', old: 'old-db-root', new: 'new-db-root' };
    const values = async (keys: SiteKeys) =>
      Promise.all(
        ['db-root', 'web-token', 'store-root'].map(async (name) => [
          await read(keys.secret(name, 24)),
          (await keys.secret(name, 24)).digest,
        ]),
      );
    const both = (...texts: readonly string[]) => texts.map((text) => [text, digestOf(text)]);
    expect(await values(openWith({ secretChange }))).toEqual(both('new-db-root', 'new-web-token', 'old-store-root'));
    expect(await values(open())).toEqual(both('old-db-root', 'new-web-token', 'old-store-root'));
  });

  it('have a planned change in place of the same one that was begun, beside others', async () => {
    const store = openSecretStore(seedLayout(directory()).secrets);
    const changes = ['db-root', 'web-token'].map((name) => ({ name, old: `old-${name}`, new: `new-${name}` }));
    for (const change of changes) {
      await writeSecret(change.name, change.old);
      await store.begin(change);
    }
    expect(await open().secretChanges()).toEqual(changes);
    const secretChange = { name: 'db-root', old: 'new-db-root', new: 'old-db-root' };
    expect(await openWith({ secretChange }).secretChanges()).toEqual([changes[1], secretChange]);
    await open().settleSecret('web-token');
    expect(await open().secretChanges()).toEqual([changes[0]]);
    expect(await read(open().secret('web-token', 24))).toBe('new-web-token');
  });

  it('may be in a file that its owner alone can read; the line end is not part of it', async () => {
    const file = join(directory(), 'license');
    await writeFile(file, ' a key \r\n', { mode: 0o600 });
    const text = await open().fileSecret('license');
    expect(await text.read()).toBe(' a key ');
    expect(text.digest).toBe(digestOf(' a key '));
    for (const mode of [0o640, 0o604, 0o644]) {
      await chmod(file, mode);
      await expect(open().fileSecret('license')).rejects.toMatchObject({
        code: 'SECRET_EXPOSED',
        hint: expect.stringContaining(`chmod 600 ${file}`),
      });
    }
    await expect(open().fileSecret('none')).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    expect(await readFile(file, 'utf8')).toBe(' a key \r\n');
  });
});
