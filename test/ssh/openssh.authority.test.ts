import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host } from '../../src/host/index.ts';
import { knownKeysOf, openSshHost, type HostKeyTrust, type SshCredentials } from '../../src/ssh/index.ts';
import { fingerprintOf } from '../../src/sshsig/index.ts';
import { describeHost } from '../contract/host.ts';
import { runTool, startSshd, type RunningSshd } from '../support/sshd.ts';
import { onThisMachine } from '../host/temp-host.ts';

function identity(sshd: RunningSshd, name: string, passphrase?: string): SshCredentials {
  const file = join(sshd.directory, name);
  return { identities: [{ file, key: readFileSync(file, 'utf8'), ...(passphrase === undefined ? {} : { passphrase }) }] };
}

function keysIn(text: string, sshd: RunningSshd): HostKeyTrust {
  return { kind: 'known-hosts', file: 'known_hosts', keys: knownKeysOf(text, '127.0.0.1', sshd.port) };
}

function scan(sshd: RunningSshd, ...options: readonly string[]): string {
  return runTool('ssh-keyscan', [...options, '-p', `${sshd.port}`, '127.0.0.1']);
}

async function open(sshd: RunningSshd, trust: HostKeyTrust, credentials: SshCredentials, user = 'root'): Promise<Host> {
  return openSshHost({ target: { name: 'n1', address: '127.0.0.1', port: sshd.port, user, trust, credentials } });
}

describeHost('SshHost at OpenSSH', async () => {
  const sshd = await startSshd();
  return onThisMachine(await open(sshd, keysIn(scan(sshd), sshd), identity(sshd, 'id')), () => sshd.stop());
});

describe('with OpenSSH', () => {
  let sshd: RunningSshd;

  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  async function opens(trust: HostKeyTrust, credentials = identity(sshd, 'id')): Promise<boolean> {
    const host = await open(sshd, trust, credentials);
    const { stdout } = await host.run({ argv: ['echo', 'in'] });
    await host.close();
    return stdout === 'in\n';
  }

  it('a known_hosts file of ssh-keyscan is understood, plain and hashed', async () => {
    const plain = scan(sshd);
    expect(await opens(keysIn(plain, sshd))).toBe(true);
    const file = join(sshd.directory, 'hashed');
    await writeFile(file, plain);
    runTool('ssh-keygen', ['-H', '-f', file]);
    const hashed = readFileSync(file, 'utf8');
    expect(hashed).toContain('|1|');
    expect(await opens(keysIn(hashed, sshd))).toBe(true);
  });

  it('only an RSA key on file is enough', async () => {
    expect(await opens(keysIn(scan(sshd, '-t', 'rsa'), sshd))).toBe(true);
  });

  it.each(['host_ed25519', 'host_rsa'])('the fingerprint that ssh-keygen prints of %s is accepted', async (name) => {
    const fingerprint = runTool('ssh-keygen', ['-lf', join(sshd.directory, `${name}.pub`)]).split(' ')[1] ?? '';
    const key = readFileSync(join(sshd.directory, `${name}.pub`), 'utf8').split(' ')[1] ?? '';
    expect(fingerprintOf(Buffer.from(key, 'base64'))).toBe(fingerprint);
    expect(await opens({ kind: 'fingerprint', fingerprint })).toBe(true);
  });

  it('another key is refused, with the commands that show and add the right one', async () => {
    await copyFile(join(sshd.directory, 'id.pub'), join(sshd.directory, 'wrong'));
    const wrong = `[127.0.0.1]:${sshd.port} ${readFileSync(join(sshd.directory, 'wrong'), 'utf8')}`;
    await expect(opens(keysIn(wrong, sshd))).rejects.toMatchObject({ code: 'HOST_KEY_CHANGED' });
    const error: unknown = await opens(keysIn('', sshd)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'HOST_KEY_UNKNOWN' });
    const hint = error instanceof Error && 'hint' in error ? String(error.hint) : '';
    const command = /^and here: (.*)$/m.exec(hint)?.[1] ?? 'false';
    const printed = runTool('sh', ['-c', `cd "${sshd.directory}" && ${command}`]);
    const shown = /SHA256:\S+/.exec(String(error))?.[0].replace(/,$/, '') ?? 'nothing';
    expect(printed).toContain(shown);
    expect(await opens(keysIn(readFileSync(join(sshd.directory, 'scanned'), 'utf8'), sshd))).toBe(true);
  });

  it('a key of ssh-keygen with a passphrase is read', async () => {
    expect(await opens(keysIn(scan(sshd), sshd), identity(sshd, 'locked', 'long words'))).toBe(true);
  });

  it('a login that is refused says so', async () => {
    const host = open(sshd, keysIn(scan(sshd), sshd), identity(sshd, 'host_rsa'));
    await expect(host).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED' });
  });

  it('the agent logs in', async () => {
    const socket = join(sshd.directory, 'agent');
    const agent: ChildProcess = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      for (let attempt = 0; attempt < 100 && !existsSync(socket); attempt += 1) {
        await new Promise((resolve) => {
          setTimeout(resolve, 50);
        });
      }
      runTool('ssh-add', ['-q', join(sshd.directory, 'id')], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      expect(await opens(keysIn(scan(sshd), sshd), { identities: [], agentSocket: socket })).toBe(true);
    } finally {
      agent.kill();
    }
  });
});
