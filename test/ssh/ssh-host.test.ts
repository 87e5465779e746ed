import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { knownKeysOf } from '../../src/ssh/index.ts';
import { fingerprintOf } from '../../src/sshsig/index.ts';
import { makeKey, startSshServer, type SshServer, type SshServerOptions } from '../support/ssh-server.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { loginTo, openTestHost, trusting } from './ssh-login.ts';

const servers: SshServer[] = [];
const directory = useTempDir();

async function serve(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

function fingerprint(key: { readonly public: string }): string {
  return fingerprintOf(Buffer.from(key.public.split(' ')[1] ?? '', 'base64'));
}

describe('the key of a host', () => {
  it('must be known: an unknown one ends the connection before anything is tried', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key] });
    const trust = { kind: 'known-hosts', file: '/home/me/known_hosts', keys: knownKeysOf('', '127.0.0.1', server.port) } as const;
    const opening = openTestHost(server, { ...options, trust });
    await expect(opening).rejects.toMatchObject({ code: 'HOST_KEY_UNKNOWN', exitStatus: 6 });
    const error: unknown = await opening.catch((thrown: unknown) => thrown);
    const [hostKey] = server.hostKeys;
    expect(String(error)).toContain(
      `it shows the ssh-ed25519 key ${fingerprint(hostKey ?? makeKey())}, which is not in "/home/me/known_hosts"`,
    );
    expect(error).toHaveProperty(
      'hint',
      expect.stringContaining(`ssh-keyscan -p ${server.port} 127.0.0.1 > scanned && ssh-keygen -lf scanned`),
    );
    expect(server.commands).toEqual([]);
  });

  it('must not have changed', async () => {
    const server = await serve();
    await expect(openTestHost(server, { trust: trusting(server, [makeKey()]) })).rejects.toMatchObject({ code: 'HOST_KEY_CHANGED' });
  });

  it('must not be revoked', async () => {
    const server = await serve();
    const text = server.hostKeys.map((key) => `[127.0.0.1]:${server.port} ${key.public}\n@revoked * ${key.public}\n`).join('');
    const trust = { kind: 'known-hosts', file: 'k', keys: knownKeysOf(text, '127.0.0.1', server.port) } as const;
    await expect(openTestHost(server, { trust })).rejects.toThrow(/"k" revokes it/);
  });

  it('is asked for by the types on file, so that a host with several keys shows the known one', async () => {
    const { key, options } = loginTo();
    const rsa = makeKey('rsa');
    const server = await serve({ authorized: [key], hostKeys: [makeKey(), makeKey('ecdsa'), rsa] });
    const host = await openTestHost(server, { ...options, trust: trusting(server, [rsa]) });
    expect((await host.run({ argv: ['echo', 'in'] })).stdout).toBe('in\n');
    await host.close();
  });

  it('has changed when the host has none of the types on file', async () => {
    const server = await serve({ hostKeys: [makeKey()] });
    await expect(openTestHost(server, { trust: trusting(server, [makeKey('rsa')]) })).rejects.toMatchObject({ code: 'HOST_KEY_CHANGED' });
  });

  it('may be given as a fingerprint, of any of the keys that the host has', async () => {
    const { key, options } = loginTo();
    const keys = [makeKey(), makeKey('ecdsa'), makeKey('rsa')];
    const server = await serve({ authorized: [key], hostKeys: keys });
    for (const hostKey of keys) {
      const host = await openTestHost(server, { ...options, trust: { kind: 'fingerprint', fingerprint: fingerprint(hostKey) } });
      await host.close();
    }
    await expect(
      openTestHost(server, { ...options, trust: { kind: 'fingerprint', fingerprint: fingerprint(makeKey()) } }),
    ).rejects.toMatchObject({
      code: 'HOST_KEY_CHANGED',
    });
  });
});

describe('the login', () => {
  it('takes a password, also where it is asked for interactively', async () => {
    for (const interactive of [false, true]) {
      const server = await serve({ password: 'open sesame', interactive });
      const host = await openTestHost(server, { credentials: { identities: [], password: 'open sesame' } });
      await host.close();
    }
  });

  it('takes a key with its passphrase', async () => {
    const key = makeKey('ed25519', 'long words');
    const server = await serve({ authorized: [key] });
    const host = await openTestHost(server, { credentials: { identities: [{ file: 'id', key: key.private, passphrase: 'long words' }] } });
    await host.close();
  });

  it('goes on with the password when the key and the agent are no good', async () => {
    const server = await serve({ password: 'p' });
    const identities = [{ file: 'id', key: makeKey().private }];
    const host = await openTestHost(server, { credentials: { identities, agentSocket: join(directory(), 'no-agent'), password: 'p' } });
    await host.close();
  });

  it('says what was refused, and never the password', async () => {
    const server = await serve({ password: 'right' });
    const identities = [{ file: '/keys/id_a', key: makeKey().private }];
    const opening = openTestHost(server, { credentials: { identities, password: 'wr0ng' } });
    await expect(opening).rejects.toThrow('Cannot log in to "n1" as "root"');
    await expect(opening).rejects.toThrow('the host refused the key "/keys/id_a", the password');
    await expect(opening).rejects.not.toThrow(/wr0ng/);
    await expect(opening).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED', exitStatus: 6 });
  });

  it('says when there is nothing to log in with', async () => {
    const server = await serve();
    await expect(openTestHost(server)).rejects.toThrow('there is nothing to log in with');
  });

  it('stops when it is told to', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const { port } = silent.address() as AddressInfo;
    const signal = AbortSignal.timeout(100);
    await expect(openTestHost({ port, hostKeys: [] }, { signal })).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(openTestHost({ port, hostKeys: [] }, { readyTimeoutMs: 200 })).rejects.toThrow(/does not answer as an SSH server/);
    silent.close();
  });

  it('says when nothing listens', async () => {
    const server = await startSshServer();
    await server.stop();
    await expect(openTestHost(server)).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining(`nothing listens on port ${server.port}: sshd is not running there`),
    });
  });
});

describe('a login shell', () => {
  it.each([
    ['lines', 'echo welcome; echo "authorised use only" >&2'],
    ['text without an end of line', 'printf welcome; printf careful >&2'],
    ['the commands that it runs', 'set -xv'],
    ['more than a screen', 'head -c 300000 /dev/zero | tr "\\0" x'],
  ])('may print %s before a command', async (_what, profile) => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key], profile });
    const host = await openTestHost(server, options);
    const lines: string[] = [];
    const result = await host.run({ argv: ['sh', '-c', 'cat; echo err >&2'], input: 'in\n' }, { onLine: (line) => lines.push(line) });
    expect([result, lines.toSorted()]).toEqual([{ exitCode: 0, stdout: 'in\n', stderr: 'err\n' }, ['err', 'in']]);
    await host.upload('content', join(directory(), 'file'), { mode: 0o600 });
    expect(await readFile(join(directory(), 'file'), 'utf8')).toBe('content');
    await host.close();
  });

  it('that ends before the command is named, with what it printed', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key], profile: 'echo "This account is currently not available."; exit 0' });
    await expect(openTestHost(server, options)).rejects.toMatchObject({
      code: 'HOST_SHELL_UNUSABLE',
      exitStatus: 6,
      message:
        'Cannot run commands on "n1" as "root": the login ends without running them, exit status 0, "This account is currently not available."',
    });
  });
});

/** A sudo and an id that behave like the real ones for a user who is not root. */
async function standIns(sudo: string): Promise<string> {
  const path = join(directory(), 'bin');
  await mkdir(path, { recursive: true });
  const write = async (name: string, body: string): Promise<void> => {
    await writeFile(join(path, name), `#!/bin/sh\n${body}`);
    await chmod(join(path, name), 0o755);
  };
  await write('id', 'if [ -n "$IS_ROOT" ]; then echo 0; else echo 1000; fi\n');
  await write('sudo', `echo "$*" >> ${join(directory(), 'sudo.log')}\n${sudo}`);
  return path;
}

const RUN_REST = 'while [ "$1" != -- ]; do shift; done; shift; IS_ROOT=1 exec "$@"\n';
const ASKS = `case "$2" in -n) echo "sudo: a password is required" >&2; exit 1;; esac
IFS= read -r given; [ "$given" = "pass word" ] || { echo "sudo: 1 incorrect password attempt" >&2; exit 1; }
${RUN_REST}`;

describe('another user than root', () => {
  it('becomes root through a sudo that asks for nothing; its password is then not sent', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key], user: 'admin', path: await standIns(RUN_REST) });
    const host = await openTestHost(server, { ...options, user: 'admin', sudoPassword: 'pass word' });
    expect((await host.run({ argv: ['cat'], input: 'mine' })).stdout).toBe('mine');
    expect(server.commands.at(-1)).toMatch(/^cd \/ && exec sudo -k -n -- .* cat$/s);
    await host.close();
  });

  it('becomes root with a password that only sudo reads', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key], user: 'admin', path: await standIns(ASKS) });
    const host = await openTestHost(server, { ...options, user: 'admin', sudoPassword: 'pass word' });
    expect((await host.run({ argv: ['cat'], input: 'mine', env: { A: 'b c' } })).stdout).toBe('mine');
    const path = join(directory(), 'up/file');
    await host.upload('content', path, { mode: 0o600 });
    expect(await readFile(path, 'utf8')).toBe('content');
    expect(`${server.commands.join('\n')}${await readFile(join(directory(), 'sudo.log'), 'utf8')}`).not.toContain('pass word');
    await host.close();
  });

  it('gets a terminal where sudo wants one, and what the command reads and prints stays as it is', async () => {
    const { key, options } = loginTo();
    const wants = 'if ! (exec </dev/tty) 2>/dev/null; then echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1; fi\n';
    const server = await serve({
      authorized: [key],
      user: 'admin',
      path: await standIns(wants + ASKS),
      profile: 'echo hello; echo hi >&2',
    });
    const host = await openTestHost(server, { ...options, user: 'admin', sudoPassword: 'pass word' });
    const bytes = 'a\r\nb\nc\u0003\u0004d';
    const result = await host.run({ argv: ['sh', '-c', 'cat; echo err >&2; exit 3'], input: bytes });
    expect(result).toEqual({ exitCode: 3, stdout: bytes, stderr: 'err\n' });
    await host.close();
  });

  it('is told how to have a terminal where the host cannot make one', async () => {
    const { key, options } = loginTo();
    const wants = 'echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1\n';
    const path = await standIns(wants);
    await writeFile(join(path, 'script'), '#!/bin/sh\necho "sh: 2: exec: script: not found" >&2; exit 127\n', { mode: 0o755 });
    const server = await serve({ authorized: [key], user: 'admin', path });
    await expect(openTestHost(server, { ...options, user: 'admin' })).rejects.toMatchObject({
      code: 'HOST_NOT_ROOT',
      hint: 'Install the program "script" (util-linux) on the host, or write "Defaults:admin !requiretty" to a file in /etc/sudoers.d there',
    });
  });

  it.each([
    ['no password', undefined, 'a password is required'],
    ['a wrong one', 'guess', '1 incorrect password attempt'],
  ])('is refused with %s', async (_what, sudoPassword, reason) => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key], user: 'admin', path: await standIns(ASKS) });
    const opening = openTestHost(server, { ...options, user: 'admin', ...(sudoPassword === undefined ? {} : { sudoPassword }) });
    await expect(opening).rejects.toMatchObject({ code: 'HOST_NOT_ROOT', message: expect.stringContaining(reason) });
  });
});

describe('a connection', () => {
  it('never has more than eight sessions open', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key], maxSessions: 8 });
    const host = await openTestHost(server, options);
    await Promise.all(Array.from({ length: 30 }, async () => host.run({ argv: ['sleep', '0.02'] })));
    expect(server.peakSessions).toBeGreaterThan(1);
    expect(server.peakSessions).toBeLessThanOrEqual(8);
    await host.close();
  });

  it('that is lost ends every command with HOST_CONNECTION, and later ones too', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key] });
    const host = await openTestHost(server, options);
    const running = [host.run({ argv: ['sleep', '30'] }), host.run({ argv: ['sleep', '31'] })].map((run) =>
      run.catch((error: unknown) => error),
    );
    setTimeout(() => server.dropConnections(), 200);
    for (const error of await Promise.all(running)) expect(error).toMatchObject({ code: 'HOST_CONNECTION', exitStatus: 6 });
    await expect(host.run({ argv: ['true'] })).rejects.toMatchObject({ code: 'HOST_CONNECTION' });
    await host.close();
  });

  it('that is lost during an upload leaves the old file', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key] });
    const host = await openTestHost(server, options);
    const path = join(directory(), 'file');
    await host.upload('old', path, { mode: 0o644 });
    const source = new PassThrough();
    source.write(Buffer.alloc(50_000));
    const uploading = host.upload(source, path, { mode: 0o644 });
    setTimeout(() => server.dropConnections(), 200);
    await expect(uploading).rejects.toMatchObject({ code: 'HOST_CONNECTION' });
    expect(await readFile(path, 'utf8')).toBe('old');
    await host.close();
  });
});

describe('an upload', () => {
  it('says why the host stopped reading', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key] });
    const host = await openTestHost(server, options);
    const path = join(directory(), 'file');
    await writeFile(path, 'x');
    const uploading = host.upload(Buffer.alloc(3_000_000), join(path, 'below/a/file'), { mode: 0o644 });
    await expect(uploading).rejects.toMatchObject({ code: 'COMMAND_FAILED', stderr: expect.stringContaining('Not a directory') });
    await host.close();
  });

  it('removes what a broken one left behind long ago, and what is younger only where nobody else writes the file', async () => {
    const { key, options } = loginTo();
    const server = await serve({ authorized: [key] });
    const host = await openTestHost(server, options);
    await host.run({ argv: ['touch', '-d', '2 hours ago', join(directory(), '.file.0123.tmp')] });
    await writeFile(join(directory(), '.file.4567.tmp'), '');
    await host.upload('x', join(directory(), 'file'), { mode: 0o644 });
    expect((await host.run({ argv: ['ls', '-A', directory()] })).stdout).toBe('.file.4567.tmp\nfile\n');
    await host.upload('x', join(directory(), 'file'), { mode: 0o644, onlyWriter: true });
    expect((await host.run({ argv: ['ls', '-A', directory()] })).stdout).toBe('file\n');
    await host.close();
  });
});
