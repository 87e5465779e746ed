import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectHost, isOwnAddress, type SshLogin } from '../../src/ssh/index.ts';
import { makeKey } from '../support/ssh-server.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
// TEST-NET-1 is nobody's; a refused file ends the attempt before anything is sent there.
const ELSEWHERE = { name: 'n1', address: '192.0.2.250' };
const LOGIN: SshLogin = { user: 'root', port: 22, agent: false, knownHosts: 'known_hosts' };

async function connecting(login: Partial<SshLogin>): Promise<unknown> {
  const home = join(directory(), 'home');
  await mkdir(join(home, '.ssh'), { recursive: true });
  return connectHost(ELSEWHERE, { ...LOGIN, ...login }, { home, directory: directory(), signal: AbortSignal.timeout(1000) });
}

async function secret(name: string, content: string, mode = 0o600): Promise<string> {
  const path = join(directory(), name);
  await mkdir(join(directory(), 'home/.ssh'), { recursive: true });
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

describe('connectHost', () => {
  it('needs no SSH for this machine, by any of its addresses', async () => {
    const own = Object.values(networkInterfaces())
      .flatMap((entries) => entries ?? [])
      .find((entry) => !entry.internal && entry.family === 'IPv4')?.address;
    for (const address of ['127.0.0.1', '::1', ...(own === undefined ? [] : [own])]) {
      expect(isOwnAddress(address)).toBe(true);
      const host = await connectHost({ name: 'me', address }, LOGIN, { home: '/nowhere', directory: '/nowhere' });
      expect([host.local, host.name, host.address]).toEqual([true, 'me', address]);
      await host.close();
    }
    expect(isOwnAddress('192.0.2.250')).toBe(false);
  });

  it.each([0o640, 0o604, 0o644])('refuses a key that others can read (mode %o)', async (mode) => {
    const path = await secret('id', makeKey().private, mode);
    await expect(connecting({ identityFile: path })).rejects.toMatchObject({
      code: 'SECRET_EXPOSED',
      hint: expect.stringContaining(`chmod 600 ${path};`),
    });
  });

  it('refuses a password file that others can read', async () => {
    await secret('password', 'p\n', 0o644);
    await expect(connecting({ passwordFile: './password' })).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
    await expect(connecting({ sudoPasswordFile: 'password' })).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
  });

  it('says which file is missing, relative to cluster.yaml or to the home directory', async () => {
    await expect(connecting({ identityFile: 'keys/id' })).rejects.toThrow(`Cannot read "${join(directory(), 'keys/id')}": ENOENT`);
    await expect(connecting({ identityFile: '~/.ssh/id_x' })).rejects.toThrow(
      `Cannot read "${join(directory(), 'home/.ssh/id_x')}": ENOENT`,
    );
  });

  it('says that a key wants a passphrase', async () => {
    const path = await secret('id', makeKey('ed25519', 'long words').private);
    await expect(connecting({ identityFile: path })).rejects.toMatchObject({
      code: 'HOST_AUTH_FAILED',
      hint: expect.stringContaining('passphraseFile'),
    });
  });

  it('says that a file is no key', async () => {
    const path = await secret('id', 'not a key\n');
    await expect(connecting({ identityFile: path })).rejects.toThrow(`Cannot use the key "${path}"`);
  });

  it('does not wait for ever for a host that is silent', async () => {
    await expect(connecting({})).rejects.toMatchObject({ exitStatus: expect.toSatisfy((status: number) => [6, 130].includes(status)) });
  });
});
