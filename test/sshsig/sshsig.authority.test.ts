import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkSignature,
  findSigner,
  openSigner,
  parseAllowedSigners,
  parseRevokedKeys,
  parseSignature,
  signDetached,
  type Signer,
} from '../../src/sshsig/index.ts';

const run = promisify(execFile);
const MESSAGE = Buffer.from('5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  hello\n');
const PASSPHRASE = 'correct horse';

let directory = '';
const file = (name: string): string => join(directory, name);

async function keygen(...argv: readonly string[]): Promise<void> {
  await run('ssh-keygen', ['-q', ...argv]);
}

/** What ssh-keygen says of a signature over MESSAGE: true for good. */
async function isAccepted(
  signature: string,
  options: { namespace?: string; signers?: string; more?: readonly string[]; message?: Buffer } = {},
) {
  const { namespace = 'caisson-bundle', signers = 'allowed', more = [], message = MESSAGE } = options;
  await writeFile(file('given.sig'), signature);
  const argv = ['-Y', 'verify', '-f', file(signers), '-I', 'release@example.com', '-n', namespace, '-s', file('given.sig'), ...more];
  const child = spawn('ssh-keygen', argv, { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.end(message);
  const [code]: unknown[] = await once(child, 'close');
  return code === 0;
}

async function opened(name: string, passphrase?: string, agentSocket?: string): Promise<Signer> {
  return openSigner(file(name), { agentSocket, askPassphrase: async () => passphrase });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-sshsig-'));
  await keygen('-t', 'ed25519', '-N', '', '-C', 'one', '-f', file('ed25519'));
  await keygen('-t', 'ed25519', '-N', PASSPHRASE, '-f', file('locked'));
  await keygen('-t', 'rsa', '-b', '3072', '-N', '', '-f', file('rsa'));
  await keygen('-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '', '-f', file('pem'));
  await keygen('-t', 'ecdsa', '-N', '', '-f', file('ecdsa'));
  const keys = await Promise.all(['ed25519', 'locked', 'rsa', 'pem'].map((name) => readFile(file(`${name}.pub`), 'utf8')));
  await writeFile(file('allowed'), keys.map((key) => `*@example.com namespaces="caisson-*" ${key}`).join(''));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('a signature of ours', () => {
  it.each([['ed25519'], ['locked'], ['rsa'], ['pem']])(
    'with the key %s is accepted by ssh-keygen, for these bytes and this purpose only',
    async (name) => {
      const signature = await signDetached(await opened(name, PASSPHRASE), 'caisson-bundle', MESSAGE);
      expect(await isAccepted(signature)).toBe(true);
      expect(await isAccepted(signature, { namespace: 'caisson-receipt' })).toBe(false);
      expect(await isAccepted(signature, { message: Buffer.concat([MESSAGE, MESSAGE]) })).toBe(false);
      const parsed = parseSignature(signature, 'it');
      checkSignature(parsed, 'caisson-bundle', MESSAGE, 'it');
      expect((await run('ssh-keygen', ['-lf', file(`${name}.pub`)])).stdout).toContain(parsed.key.fingerprint);
    },
  );

  it('is the same each time', async () => {
    for (const name of ['ed25519', 'rsa']) {
      const signer = await opened(name);
      expect(await signDetached(signer, 'caisson-bundle', MESSAGE)).toBe(await signDetached(signer, 'caisson-bundle', MESSAGE));
    }
  });

  it('can come from an agent, by the name of the public key', async () => {
    const socket = file('agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(agent.stdout, 'data');
      for (const name of ['ed25519', 'rsa']) {
        await run('ssh-add', ['-q', file(name)], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
        expect(await isAccepted(await signDetached(await opened(`${name}.pub`, undefined, socket), 'caisson-bundle', MESSAGE))).toBe(true);
      }
      const stranger = await opened('locked.pub', undefined, socket);
      await expect(signDetached(stranger, 'caisson-bundle', MESSAGE)).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    } finally {
      agent.kill();
      await once(agent, 'close');
    }
    await expect(opened('ed25519.pub')).rejects.toMatchObject({ code: 'SIGNING_FAILED', hint: expect.stringContaining('ssh-add') });
  });
});

describe('a signature of ssh-keygen', () => {
  it.each([
    ['ed25519', []],
    ['rsa', []],
    ['rsa', ['-O', 'hashalg=sha256']],
  ])('with the key %s is accepted here, for these bytes and this purpose only', async (name, more) => {
    await writeFile(file('message'), MESSAGE);
    await rm(file('message.sig'), { force: true });
    await keygen('-Y', 'sign', '-f', file(name), '-n', 'caisson-bundle', ...more, file('message'));
    const signature = parseSignature(await readFile(file('message.sig'), 'utf8'), 'it');
    checkSignature(signature, 'caisson-bundle', MESSAGE, 'it');
    const refused = expect.objectContaining({ code: 'SIGNATURE_INVALID' });
    expect(() => checkSignature(signature, 'caisson-receipt', MESSAGE, 'it')).toThrow(refused);
    expect(() => checkSignature(signature, 'caisson-bundle', Buffer.from('other'), 'it')).toThrow(refused);
  });

  it('with any single bit changed is refused', async () => {
    const good = Buffer.from(await signDetached(await opened('ed25519'), 'caisson-bundle', MESSAGE));
    for (let bit = 0; bit < good.byteLength * 8; bit += 1) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => checkSignature(parseSignature(bad.toString('latin1'), 'it'), 'caisson-bundle', MESSAGE, 'it')).toThrow(
        expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
      );
    }
  });

  it('with a key of another type is refused with that word', async () => {
    await writeFile(file('message'), MESSAGE);
    await rm(file('message.sig'), { force: true });
    await keygen('-Y', 'sign', '-f', file('ecdsa'), '-n', 'caisson-bundle', file('message'));
    const text = await readFile(file('message.sig'), 'utf8');
    expect(() => parseSignature(text, 'it')).toThrow('keys of type "ecdsa-sha2-nistp256" are not supported');
  });
});

describe('who may sign, and when', () => {
  const at = (text: string): Date => new Date(text);

  /** Both must say the same. */
  async function agree(signers: string, moment: string): Promise<boolean> {
    await writeFile(file('some'), signers);
    const signature = await signDetached(await opened('ed25519'), 'caisson-bundle', MESSAGE);
    const { key } = parseSignature(signature, 'it');
    const ours = findSigner(parseAllowedSigners(signers, 'some'), { key, namespace: 'caisson-bundle', at: at(moment) }) !== undefined;
    const time = moment.replace(/[-:TZ]/g, '').slice(0, 14);
    expect(await isAccepted(signature, { signers: 'some', more: ['-O', `verify-time=${time}Z`] })).toBe(ours);
    return ours;
  }

  it.each([
    ['', true],
    ['namespaces="caisson-bundle" ', true],
    ['namespaces="git,caisson-bundle" ', true],
    ['namespaces="caisson-*" ', true],
    ['namespaces="caisson-receipt" ', false],
    ['namespaces="aisson-bundle" ', false],
    ['valid-after="20260101Z" ', true],
    ['valid-after="20270101Z" ', false],
    ['valid-before="20261231Z" ', true],
    ['valid-before="20260601Z" ', false],
    ['valid-after="20260101Z",valid-before="202607011200Z" ', true],
    ['namespaces="caisson-bundle",valid-before="20260601120000Z" ', false],
  ])('agrees with ssh-keygen on: %s', async (options, allowed) => {
    const key = await readFile(file('ed25519.pub'), 'utf8');
    expect(await agree(`# a comment\n\nrelease@example.com ${options}${key}`, '2026-06-30T12:00:00Z')).toBe(allowed);
  });

  it('does not take another key for an allowed one', async () => {
    expect(await agree(`release@example.com ${await readFile(file('rsa.pub'), 'utf8')}`, '2026-06-30T12:00:00Z')).toBe(false);
  });
});

describe('revoked keys', () => {
  async function revokedBy(...argv: readonly string[]): Promise<readonly [boolean, boolean]> {
    const signature = await signDetached(await opened('ed25519'), 'caisson-bundle', MESSAGE);
    if (argv.length > 0) await keygen('-k', '-f', file('revoked'), ...argv);
    const isRevoked = parseRevokedKeys(await readFile(file('revoked')), 'revoked');
    const theirs = !(await isAccepted(signature, { more: ['-r', file('revoked')] }));
    return [isRevoked(parseSignature(signature, 'it').key), theirs];
  }

  it('are those that ssh-keygen refuses, in lists and in all kinds of KRL', async () => {
    const key = await readFile(file('ed25519.pub'), 'utf8');
    await writeFile(file('revoked'), `# gone\n${key}`);
    expect(await revokedBy()).toEqual([true, true]);
    await writeFile(file('revoked'), await readFile(file('rsa.pub'), 'utf8'));
    expect(await revokedBy()).toEqual([false, false]);
    expect(await revokedBy('-s', file('ed25519.pub'), file('ed25519.pub'))).toEqual([true, true]);
    expect(await revokedBy(file('rsa.pub'))).toEqual([false, false]);
    for (const kind of ['key', 'sha1', 'sha256']) {
      await writeFile(file('spec'), `${kind}: ${key}`);
      expect([kind, await revokedBy(file('spec'))]).toEqual([kind, [true, true]]);
    }
  });
});
