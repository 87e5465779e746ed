import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { signBundle, verifyBundle } from '../../src/bundle/index.ts';
import { digestOf, hexOf } from '../../src/core/index.ts';
import { openSigner } from '../../src/sshsig/index.ts';
import { makeKey, signerOf } from '../support/signing-keys.ts';
import { small, smallBundle, writeSmallBundle } from '../support/small-bundle.ts';
import { useTempDir } from '../support/temp-dir.ts';

const PAGE = readFileSync(resolve(import.meta.dirname, '../../docs/verify.md'), 'utf8');
const RECIPE = /^## With the base system alone$[\s\S]*?^```sh\n([\s\S]*?)^```/m.exec(PAGE)?.[1] ?? '';
const PRINCIPAL = 'release@example.com';

const temp = useTempDir();
const file = (name: string): string => join(temp(), name);

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** Runs shell text where there is no network: in a namespace of its own, whose only interface is a loopback that is down. */
function offline(text: string): Ended {
  const { status, stdout, stderr, error } = spawnSync('unshare', ['-n', 'sh', '-c', text], { cwd: temp(), encoding: 'utf8' });
  if (error !== undefined) throw new Error('this test needs unshare, of the Debian package util-linux', { cause: error });
  return { status, output: `${stdout}${stderr}` };
}

function runRecipe(change: (recipe: string) => string = (recipe) => recipe): Ended {
  rmSync(file('unpacked'), { recursive: true, force: true });
  return offline(change(RECIPE));
}

async function allow(...names: readonly string[]): Promise<void> {
  const lines = names.map((name) => `${PRINCIPAL} namespaces="caisson-bundle" ${readFileSync(file(`${name}.pub`), 'utf8')}`);
  writeFileSync(file('allowed_signers'), lines.join(''));
}

/** Changes bytes of bundle.tar in place, found by their text. */
function replace(from: string | Buffer, to: string | Buffer): void {
  const bytes = readFileSync(file('bundle.tar'));
  const at = bytes.indexOf(from);
  if (at < 0 || Buffer.byteLength(from) !== Buffer.byteLength(to)) throw new Error('there is nothing to replace');
  Buffer.from(to).copy(bytes, at);
  writeFileSync(file('bundle.tar'), bytes);
}

const TEXT = 'a file that is changed on its way\n';
const OTHER = 'a file that is changeD on its way\n';

describe('the recipe of docs/verify.md, without a network', () => {
  beforeEach(async () => {
    const bundle = smallBundle();
    const files = [...bundle.input.files, small('documents/changed.txt', TEXT, 'document')];
    await writeSmallBundle(file('bundle.tar'), { ...bundle, input: { ...bundle.input, files } });
    await makeKey(temp(), 'key');
    await signBundle(file('bundle.tar'), [await signerOf(file('key'))]);
    await allow('key');
  });

  it('runs where there is no interface and no route', () => {
    const { output } = offline('tail -n +3 /proc/net/dev | cut -d: -f1; tail -n +2 /proc/net/route');
    expect(output.trim()).toBe('lo');
    expect(RECIPE).toContain('ssh-keygen -Y verify');
    expect(RECIPE).toContain('sha256sum -c');
  });

  it('accepts a bundle that an allowed signer signed', () => {
    expect(runRecipe()).toEqual({ status: 0, output: expect.stringContaining(`Good "caisson-bundle" signature for ${PRINCIPAL}`) });
  });

  it('accepts an RSA key, and a second signature by its name', async () => {
    const rsa = file('rsa');
    expect(spawnSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', rsa]).status).toBe(0);
    await signBundle(file('bundle.tar'), [await openSigner(rsa, { askPassphrase: () => Promise.resolve(undefined) })]);
    await allow('rsa');
    expect(runRecipe((recipe) => recipe.replace('SHA256SUMS.sig', 'SHA256SUMS.2.sig')).status).toBe(0);
    expect(runRecipe().status).not.toBe(0);
  });

  it('refuses a damaged file', () => {
    replace(TEXT, OTHER);
    expect(runRecipe()).toEqual({ status: 1, output: expect.stringMatching(/documents\/changed\.txt: FAILED/) });
  });

  it('refuses a changed file whose digest was changed in SHA256SUMS, too', () => {
    replace(TEXT, OTHER);
    replace(`${hexOf(digestOf(TEXT))}  documents`, `${hexOf(digestOf(OTHER))}  documents`);
    const { status, output } = runRecipe();
    expect(status).not.toBe(0);
    expect(output).toMatch(/Signature verification failed|incorrect signature/);
  });

  it('refuses a file that was added, which no list names', async () => {
    writeFileSync(file('added.txt'), 'added\n');
    expect(spawnSync('tar', ['-rf', file('bundle.tar'), 'added.txt'], { cwd: temp() }).status).toBe(0);
    const { status, output } = runRecipe();
    expect(status).not.toBe(0);
    expect(output).toContain('differ');
    expect((await verifyBundle(file('bundle.tar'))).findings.map(({ member }) => member)).toContain('added.txt');
  });

  it('refuses another signer, a signer for other things, one whose time is over and a revoked key', async () => {
    await makeKey(temp(), 'stranger');
    await allow('stranger');
    expect(runRecipe().status).not.toBe(0);
    const key = readFileSync(file('key.pub'), 'utf8');
    for (const options of ['namespaces="git"', 'valid-before="20200101Z"', 'valid-after="20980101Z"']) {
      writeFileSync(file('allowed_signers'), `${PRINCIPAL} ${options} ${key}`);
      expect(runRecipe().status, options).not.toBe(0);
    }
    await allow('key');
    await copyFile(file('key.pub'), file('revoked_keys'));
    const revoking = (recipe: string): string => recipe.replace('ssh-keygen -Y verify', 'ssh-keygen -Y verify -r ../revoked_keys');
    expect(runRecipe(revoking).status).not.toBe(0);
    await copyFile(file('stranger.pub'), file('revoked_keys'));
    expect(runRecipe(revoking).status).toBe(0);
  });

  it('refuses a bundle that is not signed', async () => {
    rmSync(file('bundle.tar'));
    await writeSmallBundle(file('bundle.tar'));
    expect(runRecipe().status).not.toBe(0);
  });

  it('refuses the signature of another bundle', async () => {
    const signature = runRecipe().status === 0 ? readFileSync(file('unpacked/SHA256SUMS.sig')) : Buffer.alloc(0);
    rmSync(file('bundle.tar'));
    await writeSmallBundle(file('bundle.tar'), smallBundle({ version: '9' }));
    await signBundle(file('bundle.tar'), [await signerOf(file('key'))]);
    expect(runRecipe().status).toBe(0);
    replace(readFileSync(file('unpacked/SHA256SUMS.sig')), signature);
    expect(runRecipe().status).not.toBe(0);
  });
});
