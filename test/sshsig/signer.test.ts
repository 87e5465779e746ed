import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { utils } from 'ssh2';
import { describe, expect, it } from 'vitest';
import { checkSignature, openSigner, parseSignature, signDetached, type Signer } from '../../src/sshsig/index.ts';
import { isSignedBy, parsePublicKeyLine, publicKeyOf } from '../../src/sshsig/public-key.ts';
import { keyLine, memorySigner } from '../support/signing-keys.ts';
import { useTempDir } from '../support/temp-dir.ts';

const MESSAGE = Buffer.from('what is signed\n');
const PASSPHRASE = 'correct horse';
const directory = useTempDir();
const ED25519 = utils.generateKeyPairSync('ed25519');
const RSA = utils.generateKeyPairSync('rsa', { bits: 2048 });
const LOCKED = utils.generateKeyPairSync('ed25519', { passphrase: PASSPHRASE, cipher: 'aes256-ctr', rounds: 1 });

async function keyFile(text: string): Promise<string> {
  const file = join(directory(), 'key');
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

async function opened(text: string, passphrase?: string, agentSocket?: string): Promise<Signer> {
  return openSigner(await keyFile(text), { agentSocket, askPassphrase: async () => passphrase });
}

describe('openSigner', () => {
  it.each([
    ['Ed25519', ED25519, 'ssh-ed25519'],
    ['RSA', RSA, 'rsa-sha2-512'],
    ['an encrypted key', LOCKED, 'ssh-ed25519'],
  ])('signs with %s what its public half can check', async (_, pair, algorithm) => {
    const signer = await opened(pair.private, PASSPHRASE);
    expect(signer.key).toEqual(parsePublicKeyLine(pair.public).key);
    const signature = parseSignature(await signDetached(signer, 'caisson-bundle', MESSAGE), 'it');
    expect(signature.algorithm).toBe(algorithm);
    expect(() => checkSignature(signature, 'caisson-bundle', MESSAGE, 'it')).not.toThrow();
    expect(() => checkSignature(signature, 'caisson-bundle', Buffer.from('other'), 'it')).toThrow('did not sign these bytes');
  });

  it('asks for no passphrase that it does not need', async () => {
    const file = await keyFile(ED25519.private);
    const asked: string[] = [];
    await openSigner(file, { askPassphrase: async (path) => void asked.push(path) });
    await writeFile(file, LOCKED.private);
    await expect(openSigner(file, { askPassphrase: async (path) => void asked.push(path) })).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      message: `Cannot sign with "${file}": it is encrypted, and there is nobody to ask for its passphrase`,
      hint: 'Give --passphrase-file, or name its .pub file and let ssh-agent sign',
    });
    expect(asked).toEqual([file]);
  });

  it('refuses a wrong passphrase, and says nothing of it', async () => {
    const failure = await opened(LOCKED.private, 'wrong horse').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'SIGNING_FAILED' });
    expect(String(failure)).not.toContain('wrong horse');
  });

  it('refuses a private key that others can read, and takes a public one', async () => {
    const file = await keyFile(ED25519.private);
    await chmod(file, 0o644);
    await expect(openSigner(file, { askPassphrase: async () => undefined })).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
    await writeFile(file, ED25519.public);
    const { key } = await openSigner(file, { agentSocket: '/run/agent', askPassphrase: async () => undefined });
    expect(key).toEqual(parsePublicKeyLine(ED25519.public).key);
  });

  it.each([
    [undefined, 'it is a public key, and there is no agent that keeps its private half'],
    ['', 'it is a public key, and there is no agent that keeps its private half'],
  ])('needs an agent for a public key: %s', async (socket, reason) => {
    await expect(opened(ED25519.public, undefined, socket)).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      message: expect.stringContaining(reason),
      hint: expect.stringContaining('ssh-add'),
    });
  });

  it('says that an agent does not answer', async () => {
    const signer = await opened(ED25519.public, undefined, join(directory(), 'no-agent'));
    await expect(signDetached(signer, 'caisson-bundle', MESSAGE)).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      message: expect.stringContaining('the agent refuses: '),
      hint: 'Look at its keys with: ssh-add -l',
    });
  });

  it('refuses what is no key', async () => {
    await expect(opened('nothing of the kind')).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      message: expect.stringContaining('it is neither an OpenSSH private key nor a public one: '),
      cause: expect.any(Error),
    });
    await expect(opened('-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n')).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
  });
});

describe('a public key', () => {
  const { key } = memorySigner();

  it('is read with its comment', () => {
    expect(parsePublicKeyLine(`  ${keyLine({ key }, '')}\t two words \n`)).toEqual({ key, comment: 'two words' });
    expect(parsePublicKeyLine(keyLine({ key }, ''))).toEqual({ key, comment: '' });
  });

  it('is refused where the line says another type', () => {
    expect(() => parsePublicKeyLine(keyLine({ key }, '').replace('ssh-ed25519', 'ssh-rsa'))).toThrow(
      'it says "ssh-rsa", and its key is of type "ssh-ed25519"',
    );
  });

  it('is refused where its bytes are cut short, or none', () => {
    expect(() => publicKeyOf(key.blob.subarray(0, -1))).toThrow('its key is malformed');
    expect(() => publicKeyOf(Buffer.from([0, 0, 0, 3, 1, 255, 65]))).toThrow(
      'keys of type "??A" are not supported (ssh-ed25519 and ssh-rsa are)',
    );
    expect(() => publicKeyOf(Buffer.concat([Buffer.from([0, 0, 0, 100]), Buffer.alloc(100, 'a')]))).toThrow(
      `keys of type "${'a'.repeat(64)}" are`,
    );
  });

  it('of RSA may have 2048 bits, whose first byte may be a zero for the sign', () => {
    expect(parsePublicKeyLine(RSA.public).key.type).toBe('ssh-rsa');
  });

  it('has signed nothing that it did not sign', () => {
    expect(isSignedBy(key, MESSAGE, Buffer.alloc(64), undefined)).toBe(false);
    expect(isSignedBy(key, MESSAGE, Buffer.alloc(3), undefined)).toBe(false);
    expect(isSignedBy({ ...key, blob: Buffer.from('none') }, MESSAGE, Buffer.alloc(64), undefined)).toBe(false);
  });
});
