import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openSigner, type Signer } from '../../src/sshsig/index.ts';
import { publicKeyOf } from '../../src/sshsig/public-key.ts';

const run = promisify(execFile);

/** A key pair made by ssh-keygen in the directory: NAME and NAME.pub. */
export async function makeKey(directory: string, name: string, passphrase = ''): Promise<string> {
  const path = join(directory, name);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', name, '-f', path]);
  return path;
}

export function signerOf(path: string): Promise<Signer> {
  return openSigner(path, { askPassphrase: async () => undefined });
}

/** An allowed signers file with these keys, each as NAME@example.com. */
export async function allow(directory: string, names: readonly string[], options = 'namespaces="caisson-bundle"'): Promise<string> {
  const lines = await Promise.all(
    names.map(async (name) => `${name}@example.com ${options} ${await readFile(join(directory, `${name}.pub`), 'utf8')}`),
  );
  const path = join(directory, 'allowed_signers');
  await writeFile(path, lines.join(''));
  return path;
}

/** A signer whose key is in memory only, the same for the same seed. */
export function memorySigner(seed = 1): Signer {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]);
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-32);
  const blob = Buffer.concat([Buffer.from('0000000b', 'hex'), Buffer.from('ssh-ed25519'), Buffer.from('00000020', 'hex'), raw]);
  const key = publicKeyOf(blob);
  return { key, sign: async (data) => ({ algorithm: 'ssh-ed25519', signature: sign(null, data, secret) }) };
}

/** A line of allowed_signers for a signer. With empty principals, a line of a .pub file. */
export function keyLine({ key }: Pick<Signer, 'key'>, principals = 'release@example.com', options = ''): string {
  return [principals, options, key.type, key.blob.toString('base64')].filter((part) => part !== '').join(' ');
}
