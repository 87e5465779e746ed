import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkLoginFiles, type SshLogin } from '../../src/ssh/index.ts';
import { makeKey } from '../support/ssh-server.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

/** cluster.yaml with one setting of ssh a line, the first on line 3. */
async function checking(ssh: Omit<SshLogin, 'agent'>): Promise<unknown> {
  const settings = Object.entries(ssh).map(([key, value]) => `  ${key}: ${String(value)}\n`);
  const text = `name: site\nssh:\n${settings.join('')}`;
  return checkLoginFiles(text, 'cluster.yaml', { agent: true, ...ssh }, { home: '/nowhere', directory: directory() });
}

async function secret(name: string, content: string, mode = 0o600): Promise<string> {
  await writeFile(join(directory(), name), content);
  await chmod(join(directory(), name), mode);
  return name;
}

describe('checkLoginFiles', () => {
  it('names every file that is not there once, with its line', async () => {
    const failure = checking({
      identityFile: 'keys/id',
      passphraseFile: '~/none',
      passwordFile: './p',
      sudoPasswordFile: '/none/s',
      config: 'c',
    });
    await expect(failure).rejects.toMatchObject({ code: 'INPUT_INVALID', exitStatus: 3 });
    await expect(failure).rejects.toMatchObject({
      problems: [
        { position: { line: 3 }, path: 'ssh.identityFile', reason: `there is no file "${join(directory(), 'keys/id')}"` },
        { position: { line: 4 }, path: 'ssh.passphraseFile', reason: 'there is no file "/nowhere/none"' },
        { position: { line: 5 }, path: 'ssh.passwordFile' },
        { position: { line: 6 }, path: 'ssh.sudoPasswordFile', reason: 'there is no file "/none/s"' },
        { position: { line: 7 }, path: 'ssh.config' },
      ],
    });
  });

  it.each([
    ['others can read it', 'id', 0o644, /others than its owner can read/],
    ['it is no key', 'not a key', 0o600, /cannot use the key/],
    ['it wants a passphrase', makeKey('ed25519', 'long words').private, 0o600, /passphraseFile/],
  ])('refuses a key when %s', async (_what, content, mode, reason) => {
    await expect(checking({ identityFile: await secret('id', content, mode) })).rejects.toThrow(reason);
  });

  it('refuses an empty password', async () => {
    await expect(checking({ sudoPasswordFile: await secret('p', '\n') })).rejects.toThrow(/cluster\.yaml:3:.*first line is empty/);
  });

  it('takes files that are as they should be, and none', async () => {
    await checking({});
    await checking({ config: true });
    await checking({
      identityFile: await secret('id', makeKey('ed25519', 'long words').private),
      passphraseFile: await secret('passphrase', 'long words\n'),
      config: await secret('config', '', 0o644),
    });
  });
});
