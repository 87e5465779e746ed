import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createMessage, encrypt, generateKey, readPrivateKey, sign } from 'openpgp';
import { describe, expect, it } from 'vitest';
import { openBackup, parsePrivateKey, parseRecipient, sealBackup, type Opener, type Seal } from '../../src/backup/index.ts';

const CONTENT = [Buffer.from('first '), Buffer.alloc(300_000, 'x'), Buffer.from(' last')];
const FILE = 'seed.gpg';

const sealed = async (seal: Seal): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await sealBackup(CONTENT, seal)) chunks.push(chunk);
  return Buffer.concat(chunks);
};
const opened = async (bytes: Buffer, opener: Opener): Promise<Buffer> =>
  buffer(await openBackup(async () => Readable.from([bytes]), opener, FILE));

async function keys(options: { readonly passphrase?: string; readonly keyExpirationTime?: number; readonly date?: Date } = {}) {
  return generateKey({ userIDs: [{ name: 'operator' }], format: 'armored', ...options });
}

describe('sealBackup and openBackup', () => {
  it('take a passphrase', async () => {
    expect(await opened(await sealed({ passphrase: 'right' }), { passphrase: 'right' })).toEqual(Buffer.concat(CONTENT));
  });

  it('take keys of recipients, each of which opens it, with a passphrase of its own', async () => {
    const [first, second] = [await keys(), await keys({ passphrase: 'own' })];
    const recipients = await Promise.all([first, second].map(({ publicKey }) => parseRecipient(publicKey, 'KEY.asc')));
    const bytes = await sealed({ recipients });
    expect(await opened(bytes, { key: await parsePrivateKey(first.privateKey, undefined, 'KEY') })).toEqual(Buffer.concat(CONTENT));
    expect(await opened(bytes, { key: await parsePrivateKey(second.privateKey, 'own', 'KEY') })).toEqual(Buffer.concat(CONTENT));
  });

  it('tell a wrong passphrase that gives something like a session key from a changed file', async () => {
    // Encrypted to "right". Of all passphrases, 1 of 256 gives bytes that look like a key of AES-256; "wrong 6" is one.
    const unlucky = Buffer.from(
      'wy4ECQMIa6jLgqxcppAAUb/JW0pYKdLGYQdO5pzbHuYQdhMT0sb3PG0PlfZaXUCq0jgB+7hNK0SoL8+vE7MnYaeuKElBQ1f7/51Rxkxdd9ouwe2w+FOz/yzigM3PS93BLtwW8FKxGqrMxA==',
      'base64',
    );
    expect((await opened(unlucky, { passphrase: 'right' })).toString()).toBe('content');
    await expect(opened(unlucky, { passphrase: 'wrong 6' })).rejects.toMatchObject({ code: 'BACKUP_KEY_WRONG' });
    unlucky.writeUInt8(unlucky.readUInt8(unlucky.length - 1) ^ 1, unlucky.length - 1);
    await expect(opened(unlucky, { passphrase: 'right' })).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
  });

  it('refuse a message that is signed and not encrypted, and one in another cipher', async () => {
    const { privateKey } = await keys();
    const message = await createMessage({ binary: new Uint8Array(100) });
    const signed: unknown = await sign({ message, signingKeys: await readPrivateKey({ armoredKey: privateKey }), format: 'binary' });
    if (!(signed instanceof Uint8Array)) throw new Error('openpgp did not give bytes');
    await expect(opened(Buffer.from(signed), { passphrase: 'right' })).rejects.toMatchObject({
      code: 'BACKUP_INVALID',
      message: expect.stringContaining('it is not an encrypted OpenPGP message'),
    });
    const sessionKey = { data: new Uint8Array(16), algorithm: 'aes128' } as const;
    const weak: unknown = await encrypt({
      message: await createMessage({ binary: new Uint8Array(3) }),
      passwords: ['right'],
      sessionKey,
      format: 'binary',
    });
    if (!(weak instanceof Uint8Array)) throw new Error('openpgp did not give bytes');
    await expect(opened(Buffer.from(weak), { passphrase: 'right' })).rejects.toMatchObject({ code: 'BACKUP_KEY_WRONG' });
  });

  it('refuse a recipient whose key has expired', async () => {
    const { publicKey } = await keys({ keyExpirationTime: 60, date: new Date(Date.UTC(2020, 0, 1)) });
    await expect(sealed({ recipients: [await parseRecipient(publicKey, 'KEY.asc')] })).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID',
      hint: expect.stringContaining('gpg --export --armor'),
    });
  });
});

describe('keys', () => {
  it('of recipients are public keys, and nothing else', async () => {
    await expect(parseRecipient('no key', 'KEY.asc')).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: expect.stringContaining('Cannot use "KEY.asc" as the key of a recipient'),
    });
  });

  it('that are private are refused without their passphrase, and with another', async () => {
    const { privateKey } = await keys({ passphrase: 'own' });
    for (const passphrase of [undefined, 'other']) {
      await expect(parsePrivateKey(privateKey, passphrase, 'KEY')).rejects.toMatchObject({
        code: 'CERTIFICATE_INVALID',
        hint: expect.stringContaining('--key-passphrase-file'),
      });
    }
    await expect(parsePrivateKey('no key', undefined, 'KEY')).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' });
  });
});
