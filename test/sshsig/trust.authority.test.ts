import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasCode } from '../../src/core/index.ts';
import {
  checkSignature,
  findSigner,
  openSigner,
  parseAllowedSigners,
  parseRevokedKeys,
  parseSignature,
  signDetached,
} from '../../src/sshsig/index.ts';
import { makeKey } from '../support/signing-keys.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temp = useTempDir();
const MESSAGE = Buffer.from('what is signed\n');
const BUNDLE_NAMESPACE = 'caisson-bundle';

function sshKeygen(
  argv: readonly string[],
  input: Uint8Array | string = '',
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr, error } = spawnSync('ssh-keygen', argv, { input, encoding: 'utf8' });
  if (error !== undefined) throw new Error('this test asks ssh-keygen: install the Debian package openssh-client', { cause: error });
  return { status, stdout, stderr };
}

async function signatureBy(key: string): Promise<string> {
  return signDetached(await openSigner(key, { askPassphrase: () => Promise.resolve(undefined) }), BUNDLE_NAMESPACE, MESSAGE);
}

interface Asked {
  readonly signature: string;
  readonly message?: Buffer;
  readonly namespace?: string;
  readonly allowed: string;
  readonly revoked?: string;
  /** YYYYMMDDHHMMSSZ; ssh-keygen takes the present without. */
  readonly at?: string;
}

/** What ssh-keygen says of a signature. */
function authority({ signature, message = MESSAGE, namespace = BUNDLE_NAMESPACE, allowed, revoked, at }: Asked): boolean {
  const file = join(temp(), 'asked.sig');
  writeFileSync(file, signature);
  const options = [...(revoked === undefined ? [] : ['-r', revoked]), ...(at === undefined ? [] : ['-O', `verify-time=${at}`])];
  const argv = ['-Y', 'verify', ...options, '-f', allowed, '-I', 'release@example.org', '-n', namespace, '-s', file];
  return sshKeygen(argv, message).status === 0;
}

/** What we say. */
async function ours({ signature, message = MESSAGE, namespace = BUNDLE_NAMESPACE, allowed, revoked, at }: Asked): Promise<string> {
  const signers = parseAllowedSigners(readFileSync(allowed, 'utf8'), allowed);
  const isRevoked = revoked === undefined ? undefined : parseRevokedKeys(readFileSync(revoked), revoked);
  const [, year, month, day, hour, minute, second] = /^(....)(..)(..)(..)(..)(..)Z$/.exec(at ?? '') ?? [];
  const moment = at === undefined ? new Date() : new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  try {
    const parsed = parseSignature(signature, 'it');
    checkSignature(parsed, BUNDLE_NAMESPACE, message, 'it');
    if (isRevoked?.(parsed.key) === true) return 'revoked';
    return findSigner(signers, { key: parsed.key, namespace, at: moment }) === undefined ? 'unknown' : 'accepted';
  } catch (error) {
    if (hasCode(error, 'SIGNATURE_INVALID')) return 'invalid';
    throw error;
  }
}

function allow(key: string, options = '', principals = 'release@example.org'): string {
  const file = join(temp(), 'allowed_signers');
  const [type = '', base64 = ''] = readFileSync(`${key}.pub`, 'utf8').split(' ');
  writeFileSync(file, `# who may sign\n${principals} ${options === '' ? '' : `${options} `}${type} ${base64} a comment\n`);
  return file;
}

describe('who may sign, as ssh-keygen says it', () => {
  it.each<[string, string, string, boolean]>([
    ['no options', '', 'release@example.org', true],
    ['its namespace', `namespaces="git,${BUNDLE_NAMESPACE}"`, 'release@example.org', true],
    ['a pattern of namespaces', 'namespaces="caisson-*"', 'release@example.org', true],
    ['another namespace', 'namespaces="git"', 'release@example.org', false],
    ['a refused namespace', `namespaces="*,!${BUNDLE_NAMESPACE}"`, 'release@example.org', false],
    ['a pattern of principals', '', '*@example.org', true],
    ['a list of principals', '', 'root,release@example.???', true],
    ['a list in quotes', '', '"root,release@example.org"', true],
    ['both times around now', 'valid-after="20200101",valid-before="20990101Z"', 'release@example.org', true],
    ['options in capitals', 'Namespaces="caisson-bundle",Valid-After="20200101"', 'release@example.org', true],
    ['a time to come', 'valid-after="20980101Z"', 'release@example.org', false],
    ['a time that is over', 'valid-before="20200101000000Z"', 'release@example.org', false],
    ['a local time with seconds that is over', 'valid-before="20200101000000"', 'release@example.org', false],
  ])('with %s', async (_, options, principals, isAllowed) => {
    const key = await makeKey(temp(), 'key');
    const signature = await signatureBy(key);
    const asked = { signature, allowed: allow(key, options, principals) };
    expect(authority(asked)).toBe(isAllowed);
    expect(await ours(asked)).toBe(isAllowed ? 'accepted' : 'unknown');
  });

  it.each([
    ['20260301115959Z', false],
    ['20260301120000Z', true],
    ['20260401120000Z', true],
    ['20260401120001Z', false],
  ])('at the edges of a signer’s time: %s', async (at, isAllowed) => {
    const key = await makeKey(temp(), 'key');
    const signature = await signatureBy(key);
    const asked = { signature, allowed: allow(key, 'valid-after="202603011200Z",valid-before="20260401120000Z"'), at };
    expect(authority(asked)).toBe(isAllowed);
    expect(await ours(asked)).toBe(isAllowed ? 'accepted' : 'unknown');
  });

  it('refuses a file with a mistake, as ssh-keygen does', async () => {
    const key = await makeKey(temp(), 'key');
    const signature = await signatureBy(key);
    for (const options of ['colour="red"', 'valid-after="yesterday"', 'valid-after="20260102",valid-before="20260101"', 'namespaces=git']) {
      const asked = { signature, allowed: allow(key, options) };
      expect(authority(asked)).toBe(false);
      await expect(ours(asked)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    }
  });
});

describe('who may no longer sign, as ssh-keygen says it', () => {
  async function revokedKeys(file: string): Promise<unknown> {
    return Promise.resolve().then(() => parseRevokedKeys(readFileSync(file), file));
  }

  /** Files of revoked keys in every form, made of one key. */
  const FORMS: readonly [string, (key: string, file: string) => void | Promise<void>][] = [
    ['a list of public keys', (key, file) => writeFileSync(file, `# gone\n${readFileSync(`${key}.pub`, 'utf8')}`)],
    ['a KRL of keys', (key, file) => krl(file, [`${key}.pub`])],
    ['a KRL of SHA-1 fingerprints', (key, file) => krl(file, [specification(`sha1: ${readFileSync(`${key}.pub`, 'utf8')}`)])],
    ['a KRL of SHA-256 fingerprints', (key, file) => krl(file, [specification(`sha256: ${readFileSync(`${key}.pub`, 'utf8')}`)])],
    ['a KRL of a fingerprint as text', (key, file) => krl(file, [specification(`hash: ${fingerprint(key)}\n`)])],
    [
      'a KRL with certificates, too',
      async (key, file) =>
        krl(file, ['-s', `${await makeKey(temp(), 'ca')}.pub`, `${key}.pub`, specification('serial: 1-9\nid: somebody\n')]),
    ],
  ];

  function krl(file: string, argv: readonly string[]): void {
    const { status, stderr } = sshKeygen(['-k', '-f', file, ...argv]);
    if (status !== 0) throw new Error(stderr);
  }

  function specification(text: string): string {
    const file = join(temp(), 'specification');
    writeFileSync(file, text);
    return file;
  }

  function fingerprint(key: string): string {
    return sshKeygen(['-l', '-f', `${key}.pub`]).stdout.split(' ')[1] ?? '';
  }

  it.each(FORMS)('by %s', async (_, revoke) => {
    const [key, other] = [await makeKey(temp(), 'key'), await makeKey(temp(), 'other')];
    const revoked = join(temp(), 'revoked');
    await revoke(key, revoked);
    for (const [each, isRevoked] of [
      [key, true],
      [other, false],
    ] as const) {
      const signature = await signatureBy(each);
      const asked = { signature, allowed: allow(each), revoked };
      expect(authority(asked)).toBe(!isRevoked);
      expect(await ours(asked)).toBe(isRevoked ? 'revoked' : 'accepted');
    }
  });

  it('refuses a list that is cut short, and the specification of a list in place of the list', async () => {
    const key = await makeKey(temp(), 'key');
    const file = join(temp(), 'revoked');
    krl(file, [`${key}.pub`]);
    const whole = readFileSync(file);
    for (let length = 8; length < whole.length; length += 1) {
      writeFileSync(file, whole.subarray(0, length));
      // What is cut between two sections is a list that ssh-keygen takes.
      if (length === 44) continue;
      await expect(revokedKeys(file), `${length} bytes`).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    }
    writeFileSync(file, `sha256: ${readFileSync(`${key}.pub`, 'utf8')}`);
    await expect(revokedKeys(file)).rejects.toThrow('make a list from it: ssh-keygen -k -f LIST FILE');
  });
});
