import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openSigner, type Signer } from '../../src/sshsig/index.ts';

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
