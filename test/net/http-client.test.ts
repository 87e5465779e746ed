import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf, fixedClock, type Event } from '../../src/core/index.ts';
import { HttpClient, type HttpClientOptions } from '../../src/net/index.ts';
import { sendBroken, sendRange } from '../support/loopback-registry.ts';
import { useLoopbackServers } from '../support/loopback-server.ts';
import { randomBytesOf } from '../support/sample-image.ts';

const start = useLoopbackServers();
const clients: HttpClient[] = [];

function client(options: HttpClientOptions = {}): { http: HttpClient; slept: number[]; events: Event[] } {
  const slept: number[] = [];
  const events: Event[] = [];
  const http = new HttpClient({
    emit: (event) => events.push(event),
    sleep: async (milliseconds) => {
      slept.push(milliseconds);
    },
    ...options,
  });
  clients.push(http);
  return { http, slept, events };
}

afterEach(async () => {
  for (const http of clients.splice(0)) await http.close();
});

async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('request', () => {
  it('hands over the bytes as they are stored, undecoded', async () => {
    const layer = gzipSync('a layer');
    const { origin, requests } = await start((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(layer));
    const { body, status } = await client().http.request({ url: `${origin}/x` });
    expect(status).toBe(200);
    expect(await bytesOf(body)).toEqual(layer);
    expect(requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('follows redirects without showing its credentials to another origin', async () => {
    const other = await start((request, response) => response.end(request.headers.authorization ?? 'nothing'));
    const first = await start((request, response) => {
      if (request.url === '/a') response.writeHead(307, { location: '/b' }).end('moved');
      else response.writeHead(302, { location: `${other.origin}/c?signature=s3cr3t` }).end();
    });
    const authorization = new Map([[first.origin, 'Bearer hidden']]);
    const { body, url } = await client().http.request({ url: `${first.origin}/a`, authorization });
    expect((await bytesOf(body)).toString()).toBe('nothing');
    expect(url).toBe(`${other.origin}/c?signature=s3cr3t`);
    expect(first.requests.map((request) => request.headers.authorization)).toEqual(['Bearer hidden', 'Bearer hidden']);
  });

  it('follows at most ten redirects', async () => {
    const { origin, requests } = await start((_, response) => response.writeHead(301, { location: '/again' }).end());
    await expect(client().http.request({ url: origin })).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining('more than 10 redirects'),
    });
    expect(requests).toHaveLength(11);
  });

  it.each([408, 429, 500, 502, 503, 504])('tries again after %d, from the first address on', async (status) => {
    let failures = 2;
    const target = await start((_, response) => {
      failures -= 1;
      response.writeHead(failures >= 0 ? status : 200).end('done');
    });
    const first = await start((_, response) => response.writeHead(302, { location: `${target.origin}/signed` }).end());
    const { http, slept, events } = client();
    const { body } = await http.request({ url: first.origin });
    expect((await bytesOf(body)).toString()).toBe('done');
    expect(first.requests).toHaveLength(3);
    expect(slept).toEqual([500, 2000]);
    expect(events[0]).toMatchObject({ type: 'retry', reason: `the server answered ${status}`, delayMs: 500 });
  });

  it('does not try again what was refused', async () => {
    const { origin, requests } = await start((_, response) => response.writeHead(403).end('no'));
    expect((await client().http.request({ url: origin })).status).toBe(403);
    expect(requests).toHaveLength(1);
  });

  it('hands over the last answer of a server that stays broken', async () => {
    const { origin, requests } = await start((_, response) => response.writeHead(503).end('why'));
    const { status, body } = await client().http.request({ url: origin });
    expect(status).toBe(503);
    expect((await bytesOf(body)).toString()).toBe('why');
    expect(requests).toHaveLength(4);
  });

  it.each([
    ['seconds', '30', 30_000],
    ['a date', 'Thu, 01 Jan 1970 00:01:00 GMT', 60_000],
    ['nonsense', 'soon', 500],
  ])('waits as long as Retry-After asks in %s', async (_, value, wait) => {
    let asked = false;
    const { origin } = await start((_request, response) => {
      response.writeHead(asked ? 200 : 429, { 'retry-after': value }).end();
      asked = true;
    });
    const { http, slept } = client({ clock: fixedClock(0) });
    expect((await http.request({ url: origin })).status).toBe(200);
    expect(slept).toEqual([wait]);
  });

  it('says who limits what and until when instead of waiting for hours', async () => {
    const document = { errors: [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit.' }] };
    const { origin, requests } = await start((_, response) => {
      response.writeHead(429, { 'retry-after': '7200', 'ratelimit-limit': '100;w=21600' }).end(JSON.stringify(document));
    });
    const { host } = new URL(origin);
    const { http, slept } = client({ clock: fixedClock(Date.parse('2026-01-02T22:30:00Z')) });
    await expect(http.request({ url: `${origin}/x?token=abc` })).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      exitStatus: 5,
      status: 429,
      message: `Cannot fetch "${origin}/x": "${host}" limits how often it is asked: it answered 429 (TOOMANYREQUESTS: You have reached your pull rate limit.; the limit is 100 in 360 min 0 s) and asks to wait 120 min 0 s, until 2026-01-03 00:30 UTC`,
      hint: expect.stringContaining(`--mirror ${host}=URL`),
    });
    expect(requests).toHaveLength(1);
    expect(slept).toEqual([]);
  });

  it.each(['<html>Too many requests</html>', '{"errors":[]}', '{"errors":[7]}', '[]', 'x'.repeat(100_000)])(
    'does not repeat a page that explains a limit to people: %.30s',
    async (page) => {
      const { origin } = await start((_, response) => response.writeHead(429, { 'retry-after': '7200', 'ratelimit-limit': '?' }).end(page));
      await expect(client().http.request({ url: origin })).rejects.toMatchObject({
        message: expect.stringMatching(/it answered 429 and asks to wait 120 min 0 s, until [-0-9: ]+ UTC$/),
      });
    },
  );

  it('calls a server that keeps saying 429 a rate limit', async () => {
    const { origin } = await start((_, response) => response.writeHead(429).end());
    await expect(client().http.request({ url: origin })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('tries again when the connection is dropped before an answer, then gives the reason', async () => {
    let drops = 1;
    const { origin, requests } = await start((request, response) => {
      if (drops > 0) request.socket.destroy();
      else response.end('fine');
      drops -= 1;
    });
    const { http } = client();
    expect((await http.request({ url: origin })).status).toBe(200);
    drops = 100;
    await expect(http.request({ url: origin })).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      transient: false,
      message: `Cannot fetch "${origin}/": the connection was closed in the middle`,
    });
    expect(requests).toHaveLength(6);
  });

  it('names a refused connection', async () => {
    const { origin, server } = await start(() => {});
    await new Promise((resolve) => {
      server.close(resolve);
    });
    await expect(client().http.request({ url: origin })).rejects.toThrow('the connection was refused');
  });

  it('gives up on a server that says nothing', async () => {
    const { origin } = await start(() => {});
    const { http } = client({ stallTimeoutMs: 100, retryDelaysMs: [] });
    await expect(http.request({ url: origin })).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining('no answer for'),
    });
  });

  it('ends with the reason of the signal', async () => {
    const { origin } = await start(() => {});
    const controller = new AbortController();
    const pending = client().http.request({ url: origin, signal: controller.signal });
    controller.abort(new Error('stopped'));
    await expect(pending).rejects.toThrow('stopped');
  });

  it.each(['ftp://example.com/x', 'file:///etc/passwd', 'nonsense'])('refuses %s', async (url) => {
    await expect(client().http.request({ url })).rejects.toMatchObject({ code: 'FETCH_FAILED' });
  });
});

describe('fetchFile', () => {
  it('reads a file up to the limit', async () => {
    const { origin } = await start((_, response) => response.end('12345'));
    const { fetchFile } = client().http;
    expect(await fetchFile(origin, { limit: 5 })).toEqual(Buffer.from('12345'));
    await expect(fetchFile(origin, { limit: 4 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('refuses an endless body whose length was not announced', async () => {
    const { origin } = await start((_, response) => {
      const timer = setInterval(() => response.write(Buffer.alloc(1000)), 1);
      response.on('close', () => clearInterval(timer));
    });
    await expect(client().http.fetchFile(origin, { limit: 10_000 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('calls a missing file absent, however long the page that says so', async () => {
    const { origin } = await start((_, response) => response.writeHead(404).end('x'.repeat(1000)));
    expect(await client().http.fetchFile(origin, { limit: 10 })).toBeUndefined();
  });

  it('names the status of any other refusal', async () => {
    const { origin } = await start((_, response) => response.writeHead(403).end());
    await expect(client().http.fetchFile(origin, { limit: 10 })).rejects.toMatchObject({ code: 'FETCH_FAILED', status: 403 });
  });

  it('reads again when the body breaks off', async () => {
    const content = randomBytesOf('file', 100_000);
    let breaks = 1;
    const { origin, requests } = await start((request, response) => {
      if (breaks > 0) sendBroken(request, response, content, 10);
      else response.end(content);
      breaks -= 1;
    });
    expect(digestOf((await client().http.fetchFile(origin, { limit: 200_000 })) ?? '')).toBe(digestOf(content));
    expect(requests).toHaveLength(2);
  });
});

describe('openUrl', () => {
  const content = randomBytesOf('blob', 3_000_000);

  it('starts at an offset', async () => {
    const { origin, requests } = await start((request, response) => sendRange(request, response, content));
    const { http } = client();
    expect(digestOf(await bytesOf(await http.openUrl(origin, { offset: 1_000_000, size: content.byteLength })))).toBe(
      digestOf(content.subarray(1_000_000)),
    );
    expect(digestOf(await bytesOf(await http.openUrl(origin)))).toBe(digestOf(content));
    expect(requests.map((request) => request.headers.range)).toEqual(['bytes=1000000-', undefined]);
  });

  it('asks for nothing when the offset is the size', async () => {
    const { origin, requests } = await start((_, response) => response.end());
    expect(await bytesOf(await client().http.openUrl(origin, { offset: 5, size: 5 }))).toHaveLength(0);
    expect(requests).toHaveLength(0);
  });

  it('goes on where the connection broke, and gives each byte once', async () => {
    const { origin, requests } = await start((request, response) => {
      if (requests.length < 3) sendBroken(request, response, content, 1_000_000);
      else sendRange(request, response, content);
    });
    const { http, events } = client();
    expect(digestOf(await bytesOf(await http.openUrl(origin, { size: content.byteLength })))).toBe(digestOf(content));
    expect(requests).toHaveLength(3);
    expect(requests[1]?.headers.range).toMatch(/^bytes=\d+-$/);
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(2);
  });

  it('reads past what it has when the server ignores ranges', async () => {
    const { origin, requests } = await start((request, response) => {
      if (requests.length === 1) sendBroken(request, response, content, 500_000);
      else response.writeHead(200, { 'content-length': content.byteLength }).end(content);
    });
    expect(digestOf(await bytesOf(await client().http.openUrl(origin, { size: content.byteLength })))).toBe(digestOf(content));
    expect(digestOf(await bytesOf(await client().http.openUrl(origin, { offset: 2_999_999 })))).toBe(digestOf(content.subarray(2_999_999)));
  });

  it.each(['bytes 0-9/3000000', 'bytes 6-9/3000000', 'items 5-9/10', ''])('refuses a 206 of other bytes: %j', async (range) => {
    const { origin } = await start((_, response) => response.writeHead(206, { 'content-range': range }).end('x'));
    await expect(client().http.openUrl(origin, { offset: 5 })).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining(`the server sent "${range}"`),
    });
  });

  it.each<[string, number, Readonly<Record<string, string>>]>([
    ['a 206 of other bytes', 206, { 'content-range': 'bytes 4-2999999/3000000' }],
    ['a 206 of a file of another size', 206, { 'content-range': 'bytes 1000000-3999999/4000000' }],
    ['a 206 of nothing', 206, { 'content-range': 'bytes 1000000-5/3000000' }],
    ['a 206 without a Content-Range', 206, {}],
    ['a 206 of several parts', 206, { 'content-type': 'multipart/byteranges; boundary=x' }],
    ['a 416', 416, { 'content-range': 'bytes */3000000' }],
  ])('asks for the whole after %s, and hands on what follows the offset', async (_, status, headers) => {
    const { origin, requests } = await start((request, response) => {
      if (request.headers.range === undefined) response.end(content);
      else response.writeHead(status, headers).end('other bytes');
    });
    const stream = await client().http.openUrl(origin, { offset: 1_000_000, size: content.byteLength });
    expect(digestOf(await bytesOf(stream))).toBe(digestOf(content.subarray(1_000_000)));
    expect(requests.map((request) => request.headers.range)).toEqual(['bytes=1000000-', undefined]);
  });

  it('goes on with a 206 that does not know the size, and with one that sends less than was asked for', async () => {
    const { origin } = await start((request, response) => {
      const first = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const last = Math.min(first + 999_999, content.byteLength - 1);
      response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${first === 1 ? '*' : content.byteLength}` });
      response.end(content.subarray(first, last + 1));
    });
    expect(digestOf(await bytesOf(await client().http.openUrl(origin, { offset: 1, size: content.byteLength })))).toBe(
      digestOf(content.subarray(1)),
    );
  });

  it('takes a body that ends early for broken, and gives up when it does so again and again', async () => {
    const { origin, requests } = await start((_, response) => response.end('short'));
    const { http } = client();
    await expect(http.openUrl(origin, { size: 10 }).then(bytesOf)).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining('ended after 5 of 10 bytes'),
    });
    expect(requests).toHaveLength(4);
  });

  it('goes on when the stream stalls', async () => {
    const { origin, requests } = await start((request, response) => {
      if (requests.length > 1) sendRange(request, response, content);
      else response.writeHead(200, { 'content-length': content.byteLength }).write(content.subarray(0, 1000));
    });
    const { http, events } = client({ stallTimeoutMs: 200 });
    expect(digestOf(await bytesOf(await http.openUrl(origin, { size: content.byteLength })))).toBe(digestOf(content));
    expect(events[0]).toMatchObject({ type: 'retry', reason: expect.stringContaining('no bytes for') });
  });

  it('throws for a missing file before any byte', async () => {
    const { origin } = await start((_, response) => response.writeHead(404).end());
    await expect(client().http.openUrl(origin)).rejects.toMatchObject({ code: 'FETCH_FAILED', status: 404 });
  });

  it('ends with the reason of the signal in the middle of a body', async () => {
    const { origin } = await start((_, response) => response.write('first'));
    const controller = new AbortController();
    const stream = await client().http.openUrl(origin, { signal: controller.signal });
    const reading = bytesOf(stream);
    setTimeout(() => controller.abort(new Error('stopped')), 20);
    await expect(reading).rejects.toThrow('stopped');
  });

  it('closes the connection when the reader leaves, read or not', async () => {
    let closed = 0;
    const { origin } = await start((_, response) => {
      response.on('close', () => {
        closed += 1;
      });
      response.write('first');
    });
    const { http } = client();
    const unread = await http.openUrl(origin);
    unread.destroy();
    const read = await http.openUrl(origin);
    read.once('data', () => read.destroy());
    await expect.poll(() => closed).toBe(2);
  });

  it('does not read ahead of a slow reader without bounds', async () => {
    const chunk = Buffer.alloc(256 * 1024);
    let sent = 0;
    const { origin } = await start((_, response) => {
      const push = (): void => {
        sent += chunk.byteLength;
        if (sent < 512 * 1024 * 1024 && response.write(chunk)) setImmediate(push);
        else response.once('drain', push);
      };
      push();
    });
    const stream = await client().http.openUrl(origin);
    await new Promise((resolve) => {
      stream.once('readable', resolve);
    });
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    stream.destroy();
  });
});
