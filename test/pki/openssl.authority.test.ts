import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/index.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/pki/index.ts';

const run = promisify(execFile);

describe('certificates, as OpenSSL and a TLS client see them', () => {
  let directory: string;
  let authority: KeyPair;
  let leaf: KeyPair;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-pki-'));
    authority = await createAuthority({ commonName: 'Site CA', days: 10, clock: systemClock });
    leaf = await issueCertificate(authority, {
      commonName: 'depot',
      organizations: ['system:masters', 'Ops, people'],
      dnsNames: ['localhost'],
      addresses: ['127.0.0.1', '::1'],
      usages: 'both',
      days: 5,
      clock: systemClock,
    });
    await writeFile(join(directory, 'ca.pem'), authority.certificate);
    await writeFile(join(directory, 'leaf.pem'), leaf.certificate);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each(['sslserver', 'sslclient'])('passes openssl verify -x509_strict as %s', async (purpose) => {
    const { stdout } = await run('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'ca.pem', 'leaf.pem'], {
      cwd: directory,
    });
    expect(stdout).toContain('leaf.pem: OK');
  });

  it('shows OpenSSL each organization by itself', async () => {
    const { stdout } = await run('openssl', ['x509', '-in', 'leaf.pem', '-noout', '-subject', '-nameopt', 'RFC2253'], { cwd: directory });
    expect(stdout.trim()).toBe('subject=CN=depot,O=Ops\\, people,O=system:masters');
  });

  it('does not pass under another authority', async () => {
    const other = await createAuthority({ commonName: 'Site CA', days: 10, clock: systemClock });
    await writeFile(join(directory, 'other.pem'), other.certificate);
    await expect(run('openssl', ['verify', '-CAfile', 'other.pem', 'leaf.pem'], { cwd: directory })).rejects.toThrow(
      /verification failed/i,
    );
  });

  it('shakes hands with a mutual TLS peer by name and by address', async () => {
    const server = createServer(
      { cert: leaf.certificate, key: leaf.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true },
      (_, response) => response.end('hello'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ask = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        httpsRequest({ host, port, ca: authority.certificate, cert: leaf.certificate, key: leaf.key }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await ask('127.0.0.1')).toBe(200);
    expect(await ask('localhost')).toBe(200);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
