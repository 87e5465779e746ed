import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient, type HttpClientOptions } from '../../src/net/index.ts';
import { useLoopbackServers } from '../support/loopback-server.ts';
import { selfSigned, startTlsServer, testAuthority, type TestAuthority, type TestCertificate } from '../support/test-certificates.ts';

const startPlain = useLoopbackServers();
const DAY = 86_400_000;
const closers: (() => Promise<void>)[] = [];
let authority: TestAuthority;
let asked = 0;

beforeAll(async () => {
  authority = await testAuthority();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  asked = 0;
});

async function ask(certificate: TestCertificate, options: HttpClientOptions = {}): Promise<string> {
  const server = await startTlsServer(certificate, (_, response) => {
    asked += 1;
    response.end('fine');
  });
  closers.push(() => server.close());
  return askPort(server.port, options);
}

async function askPort(port: number, options: HttpClientOptions): Promise<string> {
  const http = new HttpClient({ retryDelaysMs: [], ...options });
  closers.push(() => http.close());
  return (await http.fetchFile(`https://localhost:${port}/`, { limit: 100 }))?.toString() ?? 'nothing';
}

describe('certificates', () => {
  it('that vouch for themselves are refused before anything is asked', async () => {
    await expect(ask(await selfSigned(['localhost']))).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringMatching(/the certificate of "localhost:\d+" is signed by itself/),
      hint: expect.stringMatching(/--ca FILE, or NODE_EXTRA_CA_CERTS/),
    });
    expect(asked).toBe(0);
  });

  it('of an unknown authority are refused', async () => {
    await expect(ask(await authority.issue(['localhost']))).rejects.toMatchObject({
      message: expect.stringContaining('comes from an authority that is not trusted here'),
      hint: expect.stringContaining('--ca FILE'),
    });
    expect(asked).toBe(0);
  });

  it('of an authority given are accepted, and those of the usual ones still are', async () => {
    expect(await ask(await authority.issue(['localhost']), { ca: [authority.cert] })).toBe('fine');
    const other = await testAuthority();
    expect(await ask(await authority.issue(['localhost']), { ca: [other.cert, authority.cert] })).toBe('fine');
    await expect(ask(await authority.issue(['localhost']), { ca: [other.cert] })).rejects.toThrow(/not trusted/);
  });

  it('of an authority in NODE_EXTRA_CA_CERTS stay accepted when others are given', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'caisson-ca-'));
    closers.push(() => rm(directory, { recursive: true }));
    const file = join(directory, 'extra.pem');
    await writeFile(file, authority.cert);
    const other = await testAuthority();
    const env = { NODE_EXTRA_CA_CERTS: file };
    expect(await ask(await authority.issue(['localhost']), { ca: [other.cert], env })).toBe('fine');
    await expect(
      ask(await authority.issue(['localhost']), { ca: [other.cert], env: { NODE_EXTRA_CA_CERTS: '/does/not/exist' } }),
    ).rejects.toThrow(/not trusted/);
  });

  it('for another name are refused, with the names that they have', async () => {
    await expect(ask(await authority.issue(['registry.example', 'other.example']), { ca: [authority.cert] })).rejects.toMatchObject({
      message: expect.stringMatching(/is for other names \(DNS:registry\.example, DNS:other\.example\)/),
      hint: expect.stringContaining('"localhost"'),
    });
    expect(asked).toBe(0);
  });

  it('that have expired, or are not valid yet, are refused with a word about the clock', async () => {
    const now = Date.now();
    const expired = await authority.issue(['localhost'], { from: new Date(now - 2 * DAY), to: new Date(now - DAY) });
    await expect(ask(expired, { ca: [authority.cert] })).rejects.toMatchObject({
      message: expect.stringContaining('has expired'),
      hint: expect.stringContaining('clock'),
    });
    const early = await authority.issue(['localhost'], { from: new Date(now + DAY), to: new Date(now + 2 * DAY) });
    await expect(ask(early, { ca: [authority.cert] })).rejects.toMatchObject({ message: expect.stringContaining('not valid yet') });
  });

  it('are missed on a port for plain http', async () => {
    const { origin } = await startPlain((_, response) => response.end());
    await expect(askPort(Number(new URL(origin).port), {})).rejects.toMatchObject({
      message: expect.stringContaining('does not speak TLS on this port'),
    });
  });
});

describe('a server that asks for the certificate of its client', () => {
  it('is read with the certificate for its host, which no other host is shown', async () => {
    const client = await authority.issue(['client.example']);
    const seen: unknown[] = [];
    const certificate = await authority.issue(['localhost', '127.0.0.1']);
    const asking = { requestCert: true, rejectUnauthorized: false, ca: authority.cert };
    const server = await startTlsServer({ ...certificate, ...asking }, (request, response) => {
      const { socket } = request;
      seen.push(socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined);
      response.end('fine');
    });
    closers.push(() => server.close());
    const clientCertificates = new Map([[`localhost:${server.port}`, `${client.cert}\n${client.key}\n`]]);
    const http = new HttpClient({ retryDelaysMs: [], ca: [authority.cert], clientCertificates });
    closers.push(() => http.close());
    expect((await http.fetchFile(`https://localhost:${server.port}/`, { limit: 100 }))?.toString()).toBe('fine');
    expect((await http.fetchFile(`https://127.0.0.1:${server.port}/`, { limit: 100 }))?.toString()).toBe('fine');
    expect(seen).toEqual(['client.example', undefined]);
  });
});
