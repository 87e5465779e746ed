import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { get as httpGet, request as httpRequest, Agent } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { silent, systemClock, type Event } from '../../src/core/index.ts';
import { SharedFile } from '../../src/io/index.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/pki/index.ts';
import {
  startListener,
  startSocketListener,
  textResponse,
  type Exchange,
  type Handler,
  type HttpResponse,
  type Listener,
  type ListenerOptions,
} from '../../src/server/index.ts';
import { MemoryBlobStore } from '../support/memory-store.ts';

const started: Listener[] = [];

async function listen(handle: Handler, options: Partial<ListenerOptions> = {}): Promise<Listener> {
  const listener = await startListener({ host: '127.0.0.1', port: 0, handle, emit: silent, ...options });
  started.push(listener);
  return listener;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((listener) => listener.close(0)));
});

/** Sends raw bytes and gives everything that comes back until the other side closes. */
async function raw(listener: Listener, text: string | Buffer): Promise<string> {
  const socket = connectTcp(listener.port, listener.address);
  socket.write(text);
  return received(socket);
}

async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await gone(socket);
  return Buffer.concat(chunks).toString();
}

/** Waits for the end of a socket, broken or not. */
async function gone(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
}

async function keys(): Promise<{ authority: KeyPair; tls: KeyPair }> {
  const authority = await createAuthority({ commonName: 'CA', days: 2, clock: systemClock });
  const names = { commonName: 'x', dnsNames: [], addresses: ['127.0.0.1'] };
  return { authority, tls: await issueCertificate(authority, { ...names, usages: 'server', days: 1, clock: systemClock }) };
}

async function eventually(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 200 && !condition(); round += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

describe('startListener', () => {
  it('answers HEAD with the length and without the bytes', async () => {
    const listener = await listen(() => textResponse(200, 'hello'));
    const answer = await raw(listener, 'HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/content-length: 6\r\n/);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it('sends no length with 304', async () => {
    const listener = await listen(() => ({ status: 304, headers: { etag: '"a"' } }));
    expect(await raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).not.toMatch(/content-length|transfer-encoding/i);
  });

  it('answers pipelined requests in their order', async () => {
    const listener = await listen(async ({ path }) => {
      await new Promise((resolve) => setTimeout(resolve, path === '/1' ? 30 : 0));
      return textResponse(200, `<${path}>`);
    });
    const answer = await raw(
      listener,
      ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${path === '/3' ? 'Connection: close\r\n' : ''}\r\n`).join(''),
    );
    expect([...answer.matchAll(/<(.*?)>/g)].map((match) => match[1])).toEqual(['/1', '/2', '/3']);
  });

  it('drains the body of a request and goes on with the connection', async () => {
    const listener = await listen(({ path }) => textResponse(200, path));
    const answer = await raw(
      listener,
      `GET /first HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(answer).toContain('/second\n');
  });

  it('cuts a request body that does not end', async () => {
    const listener = await listen(() => textResponse(405, 'no'));
    const socket = connectTcp(listener.port, listener.address);
    socket.on('error', () => {});
    socket.write('PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    const timer = setInterval(() => socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`), 1);
    socket.resume();
    await gone(socket);
    clearInterval(timer);
    expect(socket.bytesWritten).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([
    [
      'a TLS hello',
      Buffer.from('16030100c8010000c40303', 'hex'),
      400,
      'This port speaks plain HTTP, and the client began with TLS: use http://',
    ],
    ['nonsense', Buffer.from('\u0000\u0001nonsense\r\n\r\n'), 400, 'The request is not valid HTTP'],
    ['a header that never ends', Buffer.from(`GET / HTTP/1.1\r\nx: ${'a'.repeat(100_000)}`), 431, 'The header of the request is too large'],
    [
      'two lengths',
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'),
      400,
      'The request is not valid HTTP',
    ],
  ])('answers %s in plain text and closes the connection', async (_, bytes, status, text) => {
    let handled = 0;
    const listener = await listen(() => {
      handled += 1;
      return textResponse(200, 'hello');
    });
    const answer = await raw(listener, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z][A-Za-z ]+\\r\\ncontent-type: text/plain`));
    expect(answer).toMatch(/\r\nconnection: close\r\n/);
    expect(answer.split('\r\n\r\n')).toEqual([expect.stringContaining(`content-length: ${text.length + 1}`), `${text}\n`]);
    expect(handled).toBe(0);
  });

  it('answers 408 to a request whose header does not arrive', async () => {
    const listener = await listen(() => textResponse(200, 'hello'), { headersMs: 100 });
    expect(await raw(listener, 'GET / HTTP/1.1\r\nHo')).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  });

  it('closes a refused connection whose client neither reads nor leaves', async () => {
    const listener = await listen(() => textResponse(200, 'hello'));
    const socket = connectTcp({ port: listener.port, host: listener.address, allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write('nonsense\r\n\r\n');
    await eventually(() => listener.connections() === 1);
    await vi.waitFor(() => expect(listener.connections()).toBe(0), { timeout: 20_000 });
    socket.destroy();
  });

  it('gives no second answer where the first is still being made', async () => {
    const listener = await listen(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return textResponse(200, 'hello');
    });
    expect(await raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n')).toBe('');
  });

  it('refuses what follows an answered request on the same connection', async () => {
    const listener = await listen(() => textResponse(200, 'hello'));
    const socket = connectTcp(listener.port, listener.address);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.write('nonsense\r\n\r\n');
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('turns a failing handler into 500 and a warning, without telling the client why', async () => {
    const events: Event[] = [];
    const listener = await listen(
      () => {
        throw new Error('inner secret');
      },
      { emit: (event) => events.push(event) },
    );
    const answer = await raw(listener, 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    expect(answer).not.toContain('inner secret');
    expect(events).toEqual([{ type: 'warning', message: 'Cannot answer GET "/x": inner secret' }]);
  });

  it('reports every exchange with its route', async () => {
    const exchanges: Exchange[] = [];
    const listener = await listen(() => ({ ...textResponse(200, 'hello'), route: 'greeting' }), {
      onExchange: (exchange) => exchanges.push(exchange),
    });
    await raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\n\r\nBREW / HTTP/1.1\r\nHost: x\r\n\r\n');
    await raw(listener, 'PROPFIND / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await eventually(() => exchanges.length === 2);
    expect(exchanges).toEqual([
      { route: 'greeting', method: 'GET', status: 200, bytes: 6 },
      { route: 'greeting', method: 'other', status: 200, bytes: 6 },
    ]);
  });

  it('says why it cannot listen', async () => {
    const { port } = await listen(() => textResponse(200, ''));
    await expect(startListener({ host: '127.0.0.1', port, handle: () => textResponse(200, ''), emit: silent })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: `Cannot listen on "127.0.0.1" port ${port}: another process listens there`,
    });
    await expect(startListener({ host: '192.0.2.1', port: 0, handle: () => textResponse(200, ''), emit: silent })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
    });
  });
});

describe('a streamed body', () => {
  const SIZE = 32 * 1024 * 1024;
  const blobs = new MemoryBlobStore();
  const digest = blobs.put(Buffer.alloc(SIZE, 'caisson'));
  const stream: Handler = () => ({ status: 200, body: { size: SIZE, open: () => blobs.open(digest) } });

  it('arrives whole', async () => {
    const listener = await listen(stream);
    const [response] = await once(httpGet(`${listener.url}/`, { agent: false }), 'response');
    let size = 0;
    for await (const chunk of response) size += chunk.length;
    expect(size).toBe(SIZE);
  });

  it('is closed at the source when the client leaves in the middle, before it and while it is opened', async () => {
    const listener = await listen(stream);
    const slow = await listen(() => ({
      status: 200,
      body: {
        size: SIZE,
        open: async () => {
          await new Promise((resolve) => setTimeout(resolve, 50));
          return blobs.open(digest);
        },
      },
    }));
    const before = blobs.opened;
    for (const { port, address } of [listener, listener, slow, slow]) {
      const socket = connectTcp(port, address);
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      if (port === listener.port) await once(socket, 'readable');
      else await new Promise((resolve) => setTimeout(resolve, 20));
      socket.destroy();
    }
    await eventually(() => blobs.opened === before + 4 && blobs.opened === blobs.closed);
    await eventually(() => listener.connections() === 0 && slow.connections() === 0);
  });

  it.each([
    ['too few bytes of a large body', 1_000_000, 999_999],
    ['too few bytes of a small body', 1000, 999],
    ['too many bytes of a small body', 1000, 1001],
    ['too many bytes of a large body', 1_000_000, 1_500_000],
  ])('breaks the connection when the source gives %s', async (_, promised, given) => {
    const events: Event[] = [];
    const listener = await listen(
      () => ({ status: 200, body: { size: promised, open: async () => Readable.from([Buffer.alloc(given - 1), Buffer.alloc(1)]) } }),
      { emit: (event) => events.push(event) },
    );
    const answer = await raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer.match(/HTTP\/1\.1 200/g)?.length ?? 0).toBeLessThan(2);
    expect(events[0]).toMatchObject({ type: 'warning', message: expect.stringMatching(/body/) });
  });

  it('breaks the connection and warns when the source fails', async () => {
    const events: Event[] = [];
    const listener = await listen(
      () => ({
        status: 200,
        body: {
          size: SIZE,
          open: async () =>
            Readable.from(
              (async function* () {
                yield Buffer.alloc(1000);
                throw new Error('disk gone');
              })(),
            ),
        },
      }),
      { emit: (event) => events.push(event) },
    );
    await raw(listener, 'GET /x HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(events).toEqual([{ type: 'warning', message: 'Cannot finish GET "/x": disk gone' }]);
  });
});

describe('a body that is a part of a file', () => {
  const SIZE = 24 * 1024 * 1024;
  const bytes = Buffer.alloc(SIZE);
  for (let at = 0; at < SIZE; at += 4) bytes.writeUInt32LE(at, at);
  let directory: string;
  let path: string;
  let file: SharedFile;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'caisson-listener-'));
    path = join(directory, 'file');
    writeFileSync(path, bytes);
    file = await SharedFile.open(path);
  });

  afterAll(async () => {
    await file.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const part = (start: number, end: number): HttpResponse => ({
    status: 200,
    body: { size: end - start, open: async () => file.stream(start, end) },
  });

  async function get(url: string, options: object = {}): Promise<Buffer> {
    const [response] = await once((url.startsWith('https') ? httpsGet : httpGet)(url, options), 'response');
    return await buffer(response);
  }

  it.each([
    ['over http', false],
    ['over https', true],
  ])('arrives whole %s, large and small, several times on one connection', async (_, secure) => {
    const { authority, tls } = await keys();
    const listener = await listen(({ path: target }) => (target === '/large' ? part(3, SIZE - 5) : part(7, 70_000)), secure ? { tls } : {});
    const agent = secure ? new HttpsAgent({ keepAlive: true, maxSockets: 1 }) : new Agent({ keepAlive: true, maxSockets: 1 });
    const options = { agent, ca: authority.certificate };
    for (const target of ['large', 'small', 'large']) {
      const found = await get(`${listener.url}/${target}`, options);
      expect(found.equals(target === 'large' ? bytes.subarray(3, SIZE - 5) : bytes.subarray(7, 70_000))).toBe(true);
    }
    expect(listener.connections()).toBe(1);
    agent.destroy();
    await eventually(() => file.openStreams === 0);
  });

  it('reads no further than two buffers ahead of a client that reads nothing, and is closed when that leaves', async () => {
    const listener = await listen(() => part(0, SIZE));
    const socket = connectTcp(listener.port, listener.address);
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => file.openStreams === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(file.openStreams).toBe(1);
    socket.destroy();
    await eventually(() => file.openStreams === 0);
  });

  it('breaks the connection and warns when the file is shorter than promised', async () => {
    const events: Event[] = [];
    const cut = join(directory, 'cut');
    writeFileSync(cut, bytes);
    const own = await SharedFile.open(cut);
    truncateSync(cut, 2 * 1024 * 1024);
    const listener = await listen(() => ({ status: 200, body: { size: SIZE, open: async () => own.stream(0, SIZE) } }), {
      emit: (event) => events.push(event),
    });
    await expect(get(`${listener.url}/x`)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(events).toEqual([{ type: 'warning', message: expect.stringMatching(/^Cannot finish GET "\/x": Cannot read ".*cut"/) }]);
    await own.close();
  });

  it.each([
    ['large', SIZE],
    ['small', 70_000],
  ])('breaks a %s transfer whose file is written to meanwhile, and gives no complete answer', async (_, size) => {
    const path = join(directory, 'overwritten');
    writeFileSync(path, bytes);
    const own = await SharedFile.open(path);
    const listener = await listen(() => ({
      status: 200,
      body: {
        size,
        open: async () => {
          const stream = own.stream(0, size);
          writeFileSync(path, Buffer.alloc(bytes.length, 'x'));
          utimesSync(path, new Date(0), new Date(0));
          return stream;
        },
      },
    }));
    await expect(get(`${listener.url}/x`)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await own.close();
  });

  it.each([false, true])('cuts off readers that take nothing, and serves the others (TLS: %s)', async (secure) => {
    const { authority, tls } = await keys();
    let opened = 0;
    const open = async () => {
      opened += 1;
      return file.stream(0, SIZE);
    };
    const listener = await listen(() => ({ status: 200, body: { size: SIZE, open } }), {
      readerMs: 300,
      ...(secure ? { tls } : {}),
    });
    const stalled = Array.from({ length: 20 }, () => {
      const socket: Socket = secure
        ? connectTls({ port: listener.port, host: listener.address, ca: authority.certificate })
        : connectTcp(listener.port, listener.address);
      socket.on('error', () => {});
      socket.pause();
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      return socket;
    });
    await vi.waitFor(() => expect(opened).toBe(20), { timeout: 60_000 });
    await vi.waitFor(() => expect(listener.connections()).toBe(0), { timeout: 60_000 });
    expect(file.openStreams).toBe(0);
    for (const socket of stalled) socket.destroy();
  });

  it('leaves a slow reader that takes something its time', async () => {
    const listener = await listen(() => ({ status: 200, body: { size: SIZE, open: async () => file.stream(0, SIZE) } }), {
      readerMs: 1000,
    });
    const socket = connectTcp(listener.port, listener.address);
    let size = 0;
    socket.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      socket.pause();
      setTimeout(() => socket.resume(), 20);
    });
    const started = performance.now();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await gone(socket);
    expect(size).toBeGreaterThan(SIZE);
    expect(performance.now() - started).toBeGreaterThan(1500);
  });

  it('closes connections over its limit, and warns once', async () => {
    const events: Event[] = [];
    const listener = await listen(() => textResponse(200, 'hello'), { maxConnections: 2, emit: (event) => events.push(event) });
    const kept = [connectTcp(listener.port, listener.address), connectTcp(listener.port, listener.address)];
    await eventually(() => listener.connections() === 2);
    for (let number = 0; number < 3; number += 1) expect(await raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
    expect(events).toEqual([{ type: 'warning', message: expect.stringContaining('More than 2 connections are open') }]);
    for (const socket of kept) socket.destroy();
    await eventually(() => listener.connections() === 0);
    expect(await raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toContain('hello');
  });

  it('breaks the connection when the part is not as long as promised', async () => {
    const events: Event[] = [];
    const listener = await listen(() => ({ status: 200, body: { size: 1_000_000, open: async () => file.stream(0, 999_999) } }), {
      emit: (event) => events.push(event),
    });
    await expect(get(`${listener.url}/x`)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(events).toHaveLength(1);
    expect(file.openStreams).toBe(0);
  });
});

describe('close', () => {
  it('lets a running response finish, closes idle connections, and accepts nothing new', async () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isAsked = false;
    const listener = await listen(async ({ path }) => {
      isAsked ||= path === '/slow';
      if (path === '/slow') await gate;
      return textResponse(200, 'done');
    });
    const agent = new Agent({ keepAlive: true });
    const [quick] = await once(httpGet(`${listener.url}/quick`, { agent }), 'response');
    quick.resume();
    await once(quick, 'end');
    const slow = once(httpGet(`${listener.url}/slow`, { agent: new Agent({ keepAlive: true }) }), 'response');
    // Before its request is there, its connection is an idle one.
    await eventually(() => isAsked);
    expect(listener.connections()).toBe(2);
    const closed = listener.close(10_000);
    await eventually(() => listener.connections() === 1);
    await expect(once(httpGet(`${listener.url}/late`), 'response')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    release();
    const [response] = await slow;
    response.resume();
    await closed;
    expect(listener.connections()).toBe(0);
    agent.destroy();
  });

  it('breaks what does not finish in the grace time', async () => {
    const listener = await listen(() => new Promise(() => {}));
    const request = httpRequest(listener.url);
    request.on('error', () => {});
    request.end();
    await eventually(() => listener.connections() === 1);
    await listener.close(100);
    expect(listener.connections()).toBe(0);
  });
});

describe('TLS', () => {
  let authority: KeyPair;
  let first: KeyPair;
  let second: KeyPair;

  beforeAll(async () => {
    authority = await createAuthority({ commonName: 'CA', days: 2, clock: systemClock });
    const issue = (commonName: string) =>
      issueCertificate(authority, { commonName, dnsNames: [], addresses: ['127.0.0.1'], usages: 'server', days: 1, clock: systemClock });
    [first, second] = [await issue('first'), await issue('second')];
  });

  async function peer(listener: Listener, options: object = {}): Promise<PeerCertificate> {
    const socket: TLSSocket = connectTls({ port: listener.port, host: '127.0.0.1', ca: authority.certificate, ...options });
    try {
      await once(socket, 'secureConnect');
      return socket.getPeerCertificate();
    } finally {
      socket.destroy();
    }
  }

  it('serves https and says so', async () => {
    const listener = await listen(({ secure }) => textResponse(200, String(secure)), { tls: first });
    expect(listener.url).toBe(`https://127.0.0.1:${listener.port}`);
    expect((await peer(listener)).subject.CN).toBe('first');
  });

  it('uses a new certificate for new connections, and keeps the old when the new is broken', async () => {
    const listener = await listen(() => textResponse(200, ''), { tls: first });
    listener.reloadTls(second);
    expect((await peer(listener)).subject.CN).toBe('second');
    expect(() => listener.reloadTls({ certificate: first.certificate, key: second.key })).toThrow(/certificate and key/);
    expect((await peer(listener)).subject.CN).toBe('second');
  });

  it('tells a client that speaks plain HTTP to use https', async () => {
    const listener = await listen(() => textResponse(200, 'hello'), { tls: first });
    const answer = await raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toMatch(/\r\n\r\nThis port speaks TLS, and the request came as plain HTTP: use https:\/\/\n$/);
    await eventually(() => listener.connections() === 0);
  });

  it('closes a connection that begins with neither TLS nor HTTP', async () => {
    const listener = await listen(() => textResponse(200, 'hello'), { tls: first });
    expect(await raw(listener, 'nonsense of some length\r\n\r\n')).not.toMatch(/HTTP/);
    await eventually(() => listener.connections() === 0);
  });

  it('answers a malformed request inside of TLS', async () => {
    const listener = await listen(() => textResponse(200, 'hello'), { tls: first });
    const socket = connectTls({ port: listener.port, host: '127.0.0.1', ca: authority.certificate });
    socket.write('nonsense\r\n\r\n');
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('refuses TLS before 1.2', async () => {
    const listener = await listen(() => textResponse(200, ''), { tls: first });
    await expect(peer(listener, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).rejects.toThrow(
      /protocol|version/i,
    );
  });

  it('refuses a certificate with the key of another', async () => {
    await expect(listen(() => textResponse(200, ''), { tls: { certificate: first.certificate, key: second.key } })).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID',
    });
  });

  it('closes a plain connection', async () => {
    const listener = await listen(() => textResponse(200, 'hello'), { tls: first });
    expect(await raw(listener, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).not.toContain('hello');
    await eventually(() => listener.connections() === 0);
  });
});

describe('a listener with an authority for clients', () => {
  let mine: KeyPair;
  let other: KeyPair;
  let server: KeyPair;

  beforeAll(async () => {
    mine = await createAuthority({ commonName: 'mine', days: 1, clock: systemClock });
    other = await createAuthority({ commonName: 'other', days: 1, clock: systemClock });
    server = await issue(mine, 'both');
  });

  async function issue(by: KeyPair, usages: 'client' | 'both'): Promise<KeyPair> {
    return issueCertificate(by, { commonName: 'x', dnsNames: [], addresses: ['127.0.0.1'], usages, days: 1, clock: systemClock });
  }

  async function ask(listener: Listener, client?: KeyPair): Promise<string> {
    const own = client === undefined ? {} : { cert: client.certificate, key: client.key };
    const request = httpsGet(listener.url, { ca: mine.certificate, agent: false, ...own });
    return new Promise((resolve) => {
      request.on('error', () => resolve('refused'));
      request.on('response', (response) => void buffer(response).then((bytes) => resolve(bytes.toString())));
    });
  }

  it('lets in only those whose certificate is of the authority, and goes by another one after a reload', async () => {
    const listener = await listen(() => textResponse(200, 'hello'), { tls: { ...server, clientAuthority: mine.certificate } });
    const [known, stranger] = [await issue(mine, 'client'), await issue(other, 'client')];
    expect([await ask(listener, known), await ask(listener, stranger), await ask(listener)]).toEqual(['hello\n', 'refused', 'refused']);
    listener.reloadTls({ ...server, clientAuthority: other.certificate });
    expect([await ask(listener, known), await ask(listener, stranger), await ask(listener)]).toEqual(['refused', 'hello\n', 'refused']);
  });
});

describe('startSocketListener', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'caisson-socket-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('answers on a socket that only its owner can open, in the place of one that a killed run left', async () => {
    const path = join(directory, 'run/x.sock');
    const start = async (): Promise<string> => {
      const listener = await startSocketListener({ path, handle: ({ path: asked }) => textResponse(200, asked), emit: silent });
      expect([statSync(path).mode & 0o777, statSync(join(directory, 'run')).mode & 0o777]).toEqual([0o600, 0o700]);
      const [response] = (await once(httpGet({ socketPath: path, path: '/v1', agent: false }), 'response')) as [Readable]; // what "response" gives
      const text = (await buffer(response)).toString();
      await listener.close(0);
      return text;
    };
    expect(await start()).toBe('/v1\n');
    writeFileSync(path, '');
    expect(await start()).toBe('/v1\n');
  });

  it('says why it cannot listen', async () => {
    writeFileSync(join(directory, 'file'), '');
    const path = join(directory, 'file/x.sock');
    await expect(startSocketListener({ path, handle: () => textResponse(200, ''), emit: silent })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(path),
    });
  });
});
