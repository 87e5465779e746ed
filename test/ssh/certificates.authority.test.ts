import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/index.ts';
import { isCertified } from '../../src/ssh/host-certificate.ts';
import { openSshHost, type SshLogin } from '../../src/ssh/index.ts';
import { targetOf } from '../../src/ssh/ssh-targets.ts';
import { runTool, startSshd, type RunningSshd } from '../support/sshd.ts';

describe('a host certificate of ssh-keygen', () => {
  let sshd: RunningSshd;
  let directory = '';
  const path = (name: string): string => join(directory, name);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-host-certificates-'));
    for (const [name, type] of [
      ['ed25519', 'ed25519'],
      ['rsa', 'rsa'],
      ['ecdsa', 'ecdsa'],
      ['host', 'ed25519'],
    ] as const)
      runTool('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path(name)]);
  });
  afterEach(() => sshd.stop());
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** Starts a host that has the certificate. */
  async function certify(authority: string, ...options: readonly string[]): Promise<void> {
    await rm(path('host-cert.pub'), { force: true });
    runTool('ssh-keygen', ['-q', '-s', path(authority), '-I', 'n1', '-h', ...options, path('host.pub')]);
    sshd = await startSshd({ config: [`HostKey ${path('host')}`, `HostCertificate ${path('host-cert.pub')}`] });
  }

  async function trusts(known: string): Promise<unknown> {
    await writeFile(path('known'), known);
    const ssh: SshLogin = { agent: false, port: sshd.port, identityFile: join(sshd.directory, 'id'), knownHosts: path('known') };
    const target = await targetOf({ name: 'n1', address: '127.0.0.1' }, ssh, { home: directory, directory });
    const host = await openSshHost({ target });
    await host.close();
    return 'trusted';
  }

  function line(authority: string, names = '127.0.0.*'): string {
    return `@cert-authority ${names} ${runTool('cat', [path(`${authority}.pub`)])}`;
  }

  it.each(['ed25519', 'rsa', 'ecdsa'])('of an authority on file (%s) is trusted', async (authority) => {
    await certify(authority, '-n', '127.0.0.1,n1');
    expect(await trusts(line(authority))).toBe('trusted');
    expect(await trusts(line(authority, `[127.0.0.1]:${sshd.port}`))).toBe('trusted');
  });

  it('that is cut or changed anywhere certifies nothing', async () => {
    await certify('ed25519', '-n', '127.0.0.1');
    const bytesOf = (name: string): Buffer => Buffer.from(runTool('cat', [path(name)]).split(' ')[1] ?? '', 'base64');
    const certificate = bytesOf('host-cert.pub');
    const wanted = { key: bytesOf('host.pub'), host: '127.0.0.1', authorities: [bytesOf('ed25519.pub')], now: systemClock.now() };
    expect(isCertified(certificate, wanted)).toBe(true);
    for (let length = 0; length < certificate.length; length += 1) {
      expect(isCertified(certificate.subarray(0, length), wanted)).toBe(false);
      const changed = Buffer.from(certificate);
      changed[length] = (changed[length] ?? 0) ^ 0x81;
      expect(isCertified(changed, wanted)).toBe(false);
    }
    expect(isCertified(Buffer.concat([certificate, Buffer.alloc(1)]), wanted)).toBe(false);
  });

  it.each([
    ['of another authority', 'rsa', ['-n', '127.0.0.1'], ''],
    ['for another name', 'ed25519', ['-n', 'n2'], ''],
    ['for no name', 'ed25519', [], ''],
    ['that has ended', 'ed25519', ['-n', '127.0.0.1', '-V', '20200101:20200102'], ''],
    ['of an authority that is revoked', 'ed25519', ['-n', '127.0.0.1'], '@revoked * '],
  ] as const)('%s is not', async (_what, authority, options, revoked) => {
    await certify(authority, ...options);
    const more = revoked === '' ? '' : `${revoked}${runTool('cat', [path('ed25519.pub')])}`;
    await expect(trusts(`${line('ed25519')}${more}`)).rejects.toMatchObject({ code: 'HOST_KEY_UNKNOWN' });
  });
});

describe('a user certificate of ssh-keygen', () => {
  let directory = '';
  let sshd: RunningSshd;
  const path = (name: string): string => join(directory, name);

  function makeKey(name: string, ...options: readonly string[]): void {
    runTool('ssh-keygen', ['-q', ...options, '-N', '', '-f', path(name)]);
  }

  function certify(name: string, ...options: readonly string[]): void {
    runTool('ssh-keygen', ['-q', '-s', path('ca'), '-I', 'operator', '-n', 'root', ...options, path(`${name}.pub`)]);
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-certificates-'));
    makeKey('ca', '-t', 'ed25519');
    // Only certificates log in here.
    sshd = await startSshd({ config: [`TrustedUserCAKeys ${path('ca.pub')}`, 'AuthorizedKeysFile none'] });
    await writeFile(path('known'), runTool('ssh-keyscan', ['-p', `${sshd.port}`, '127.0.0.1']));
  });
  afterAll(async () => {
    await sshd.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function logIn(more: Partial<SshLogin>): Promise<string> {
    const ssh: SshLogin = { agent: false, port: sshd.port, knownHosts: path('known'), ...more };
    const target = await targetOf({ name: 'n1', address: '127.0.0.1' }, ssh, { home: directory, directory });
    const host = await openSshHost({ target });
    const { stdout } = await host.run({ argv: ['id', '-un'] });
    await host.close();
    return stdout;
  }

  it.each([
    ['ed25519', ['-t', 'ed25519']],
    ['rsa', ['-t', 'rsa', '-b', '2048']],
    ['ecdsa256', ['-t', 'ecdsa', '-b', '256']],
    ['ecdsa521', ['-t', 'ecdsa', '-b', '521']],
  ])('beside a key logs in (%s), and the key alone does not', async (name, options) => {
    makeKey(name, ...options);
    await expect(logIn({ identityFile: name })).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED' });
    certify(name);
    // Signatures of ECDSA have integers of different lengths.
    for (let attempt = 0; attempt < 3; attempt += 1) expect(await logIn({ identityFile: name })).toBe('root\n');
  });

  it('that is named by the ssh configuration logs in', async () => {
    makeKey('named', '-t', 'ed25519');
    certify('named');
    runTool('mv', [path('named-cert.pub'), path('elsewhere.pub')]);
    await writeFile(path('config'), `Host n1\n  IdentityFile ${path('named')}\n  CertificateFile ${path('elsewhere.pub')}\n`);
    expect(await logIn({ config: 'config' })).toBe('root\n');
  });

  it.each([
    ['for another user', ['-n', 'somebody']],
    ['that has ended', ['-V', '20200101:20200102']],
  ])('%s is refused, and named', async (_what, options) => {
    const name = `bad${options[1]?.length ?? 0}`;
    makeKey(name, '-t', 'ed25519');
    certify(name, ...options);
    await expect(logIn({ identityFile: name })).rejects.toMatchObject({
      code: 'HOST_AUTH_FAILED',
      message: expect.stringContaining(`the certificate "${path(`${name}-cert.pub`)}", the key "${path(name)}"`),
    });
  });

  it('of another key is not offered', async () => {
    makeKey('mine', '-t', 'ed25519');
    makeKey('other', '-t', 'ed25519');
    certify('other');
    runTool('cp', [path('other-cert.pub'), path('mine-cert.pub')]);
    await expect(logIn({ identityFile: 'mine' })).rejects.toThrow(`the host refused the key "${path('mine')}"`);
  });
});
