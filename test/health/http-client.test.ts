import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/index.ts';
import { getJson, RequestFailedError, type RequestOptions } from '../../src/health/index.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/pki/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temp = useTempDir();
const servers: (Server | TcpServer)[] = [];
const sockets = new Set<Socket>();
const { signal } = new AbortController();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listen(server: Server | TcpServer, path?: string): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    server.listen(path ?? { host: '127.0.0.1', port: 0 }, resolve);
  });
  return path === undefined ? (server.address() as AddressInfo).port : 0; // a TCP server's address is never a string
}

async function serve(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(listener))}/`;
}

async function failure(url: string, options: Partial<RequestOptions> = {}): Promise<RequestFailedError> {
  const error: unknown = await getJson(url, { signal, ...options }).catch((reason: unknown) => reason);
  if (error instanceof RequestFailedError) return error;
  throw new Error('it did not fail as requests do', { cause: error });
}

describe('getJson', () => {
  it('gives the document, and asks for JSON on a connection of its own', async () => {
    const url = await serve(({ headers }, response) => response.end(JSON.stringify([headers.accept, headers.connection])));
    expect(await getJson(url, { signal })).toEqual(['application/json', 'close']);
  });

  it('asks through a unix socket', async () => {
    const socketPath = join(temp(), 'x.sock');
    await listen(
      createServer((request, response) => response.end(JSON.stringify(`${request.method} ${request.url}`))),
      socketPath,
    );
    expect(await getJson('http://agent/v1/reload', { signal, socketPath, method: 'POST' })).toBe('POST /v1/reload');
  });

  it.each([
    ['another status', (response) => response.writeHead(503).end('{}'), 'it answers 503'],
    ['a redirect', (response) => response.writeHead(302, { location: 'http://192.0.2.1/' }).end(), 'it answers 302'],
    ['what is not JSON', (response) => response.end('<html>'), 'its answer is not JSON'],
    ['too much', (response) => response.end(Buffer.alloc(1024 * 1024 + 1, ' ')), 'Cannot read the answer: it is larger than 1.0 MiB'],
    [
      'a body that breaks off',
      (response) => response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
      'aborted',
    ],
  ] as const satisfies readonly [string, (response: Parameters<RequestListener>[1]) => unknown, string][])(
    'refuses %s',
    async (_, answer, message) => {
      const url = await serve((_request, response) => void answer(response));
      expect(await failure(url)).toMatchObject({ message, timedOut: false });
    },
  );

  it('gives up on a body that does not come in time', async () => {
    const url = await serve((_request, response) => response.writeHead(200).write('{'));
    expect(await failure(url, { timeoutMs: 100 })).toMatchObject({ message: 'no answer within 0.1 s', timedOut: true });
  });

  it('keeps the code of a connection that was refused', async () => {
    const url = await serve(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await failure(url)).toMatchObject({ code: 'ECONNREFUSED', brief: 'ECONNREFUSED', message: expect.stringContaining('connect') });
  });

  it('ends with the reason of the signal, also when that has aborted before', async () => {
    const abort = new AbortController();
    const asked = getJson(await serve(() => {}), { signal: abort.signal });
    abort.abort(new Error('stopped'));
    await expect(asked).rejects.toThrow('stopped');
    await expect(getJson('http://127.0.0.1:1/', { signal: abort.signal })).rejects.toThrow('stopped');
  });
});

describe('getJson over TLS', () => {
  let mine: KeyPair;
  let other: KeyPair;

  beforeAll(async () => {
    mine = await createAuthority({ commonName: 'site', days: 1, clock: systemClock });
    other = await createAuthority({ commonName: 'site', days: 1, clock: systemClock });
  });

  async function issue(by: KeyPair, usages: 'client' | 'both', address = '127.0.0.1', clock = systemClock): Promise<KeyPair> {
    return issueCertificate(by, { commonName: 'm1', dnsNames: [], addresses: [address], usages, days: 1, clock });
  }

  async function serveTls(pair: KeyPair, options: ServerOptions = {}): Promise<string> {
    const own = { cert: pair.certificate, key: pair.key, ca: mine.certificate };
    return `https://127.0.0.1:${await listen(createHttpsServer({ ...own, ...options }, (_request, response) => response.end('1')))}/`;
  }

  it('shows its certificate to those who ask for it', async () => {
    const url = await serveTls(await issue(mine, 'both'), { requestCert: true, rejectUnauthorized: true });
    expect(await getJson(url, { signal, authority: mine.certificate, client: await issue(mine, 'client') })).toBe(1);
    const message = 'it refuses the certificate that was shown to it, or wants one';
    expect(await failure(url, { authority: mine.certificate })).toMatchObject({ message, brief: message });
  });

  it.each([
    ['of another authority', () => issue(other, 'both'), 'its certificate is not of the authority that is trusted here'],
    ['for another address', () => issue(mine, 'both', '10.0.0.1'), 'its certificate is for another address'],
    ['for clients', () => issue(mine, 'client'), 'its certificate is not one for servers'],
    [
      'that has ended',
      () => issue(mine, 'both', '127.0.0.1', { ...systemClock, now: () => new Date('2020-01-01T00:00:00Z') }),
      'its certificate has expired',
    ],
  ])('says in plain words that the server has a certificate %s', async (_, make, message) => {
    expect(await failure(await serveTls(await make()), { authority: mine.certificate })).toMatchObject({ message, brief: message });
  });

  it('says in plain words that the other side does not speak TLS', async () => {
    const port = await listen(createTcpServer((socket) => socket.end('-ERR unknown command\r\n')));
    const { message } = await failure(`https://127.0.0.1:${port}/`, { authority: mine.certificate });
    expect(message).toMatch(/^no TLS connection: [a-z ]+$/);
  });
});
