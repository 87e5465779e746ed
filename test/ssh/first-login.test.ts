import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openSshHost, type FirstLogin } from '../../src/ssh/index.ts';
import { targetOf } from '../../src/ssh/ssh-targets.ts';
import { makeKey, startSshServer, type SshServer } from '../support/ssh-server.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const [shared, own, operators] = [makeKey(), makeKey(), makeKey()];
const servers: SshServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

/** Logs in to a server with the ssh section of cluster.yaml, where the node may have a key of its own. */
async function logIn(server: SshServer, login: FirstLogin | undefined, hasOwnKey: boolean): Promise<string> {
  const file = async (name: string, key: string): Promise<string> => {
    await writeFile(join(directory(), name), key, { mode: 0o600 });
    return name;
  };
  const [key] = server.hostKeys;
  const knownHosts = await file('known_hosts', `[127.0.0.1]:${server.port} ${key?.public ?? ''}\n`);
  const ssh = { agent: false, port: server.port, knownHosts, identityFile: await file('shared', shared.private) };
  const node = { name: 'n1', address: '127.0.0.1', ...(hasOwnKey ? { ssh: { identityFile: await file('own', own.private) } } : {}) };
  const firstLogins = login === undefined ? undefined : new Map([['n1', login]]);
  const target = await targetOf(node, ssh, { home: directory(), directory: directory(), firstLogins });
  const host = await openSshHost({ target });
  const { stdout } = await host.run({ argv: ['echo', 'in'] });
  await host.close();
  return stdout;
}

async function serve(options: Parameters<typeof startSshServer>[0]): Promise<SshServer> {
  const server = await startSshServer(options);
  servers.push(server);
  return server;
}

describe('a login', () => {
  it('is by the key of the node where it has one, else by that of the ssh section', async () => {
    const server = await serve({ authorized: [own] });
    expect(await logIn(server, undefined, true)).toBe('in\n');
    await expect(logIn(server, undefined, false)).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED' });
  });

  it('is, the first time, by the password or the key that is given, and by nothing that cluster.yaml has', async () => {
    const server = await serve({ authorized: [operators], password: 'correct horse' });
    expect(await logIn(server, { password: 'correct horse' }, true)).toBe('in\n');
    expect(await logIn(server, { identity: { file: 'id', key: operators.private } }, true)).toBe('in\n');
    const wrong = { code: 'HOST_AUTH_FAILED', message: expect.stringMatching(/refused the password$/) };
    await expect(logIn(server, { password: 'wrong horse' }, true)).rejects.toMatchObject(wrong);
  });
});
