import { connect } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { HttpClient, type HttpClientOptions } from '../../src/net/index.ts';
import { startForwardProxy, type ForwardProxy, type ForwardProxyOptions } from '../support/forward-proxy.ts';
import { useLoopbackServers } from '../support/loopback-server.ts';
import { startTlsServer, testAuthority, type TestAuthority } from '../support/test-certificates.ts';

const startServer = useLoopbackServers();
const closers: (() => Promise<void>)[] = [];
let authority: TestAuthority;

beforeAll(async () => {
  authority = await testAuthority();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function client(options: HttpClientOptions): { http: HttpClient; events: Event[] } {
  const events: Event[] = [];
  const http = new HttpClient({ retryDelaysMs: [], emit: (event) => events.push(event), ...options });
  closers.push(() => http.close());
  return { http, events };
}

async function proxy(options: Partial<ForwardProxyOptions> = {}): Promise<ForwardProxy> {
  const plain = await startServer((request, response) => response.end(`plain ${request.url}`));
  const certificate = await authority.issue(['registry.invalid']);
  const secure = await startTlsServer(certificate, (request, response) => response.end(`secure ${request.url}`));
  closers.push(() => secure.close());
  const hosts = { 'mirror.invalid:80': Number(new URL(plain.origin).port), 'registry.invalid:443': secure.port };
  const started = await startForwardProxy({ hosts, ...options });
  closers.push(() => started.close());
  return started;
}

async function textOf(http: HttpClient, url: string): Promise<string> {
  return (await http.fetchFile(url, { limit: 1000 }))?.toString() ?? 'nothing';
}

describe('proxies', () => {
  it.each([
    ['HTTP_PROXY', 'HTTPS_PROXY'],
    ['http_proxy', 'https_proxy'],
  ])('of %s and %s are asked: https by a tunnel, http by its address', async (forHttp, forHttps) => {
    const { port, asked } = await proxy();
    // A scheme may be left out.
    const { http } = client({ env: { [forHttp]: `127.0.0.1:${port}`, [forHttps]: `http://127.0.0.1:${port}` }, ca: [authority.cert] });
    expect(await textOf(http, 'http://mirror.invalid/debian/x')).toBe('plain /debian/x');
    expect(await textOf(http, 'https://registry.invalid/v2/')).toBe('secure /v2/');
    expect(asked).toEqual(['GET http://mirror.invalid/debian/x', 'CONNECT registry.invalid:443']);
  });

  it.each(['ALL_PROXY', 'all_proxy'])('of %s are asked for both, where the variable of the scheme is not set or empty', async (name) => {
    const { port, asked } = await proxy();
    const { http } = client({ env: { [name]: `http://127.0.0.1:${port}`, https_proxy: '', HTTP_PROXY: '' }, ca: [authority.cert] });
    expect(await textOf(http, 'http://mirror.invalid/x')).toBe('plain /x');
    expect(await textOf(http, 'https://registry.invalid/v2/')).toBe('secure /v2/');
    expect(asked).toEqual(['GET http://mirror.invalid/x', 'CONNECT registry.invalid:443']);
  });

  it('of ALL_PROXY come after those of the scheme, and after NO_PROXY', async () => {
    const { port, asked } = await proxy();
    const { http } = client({ env: { ALL_PROXY: 'socks5h://127.0.0.1:1', HTTP_PROXY: `127.0.0.1:${port}`, NO_PROXY: 'registry.invalid' } });
    expect(await textOf(http, 'http://mirror.invalid/x')).toBe('plain /x');
    await expect(http.fetchFile('https://registry.invalid/', { limit: 10 })).rejects.toThrow(/host name/);
    expect(asked).toEqual(['GET http://mirror.invalid/x']);
    await expect(http.fetchFile('https://other.invalid/', { limit: 10 })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'Cannot use ALL_PROXY: it names a proxy for socks5h, and only http and https proxies are used',
      hint: expect.stringMatching(/HTTPS_PROXY=http:.* before ALL_PROXY; or leave ALL_PROXY out/),
    });
  });

  it('of https at an address are asked without a warning of Node', async () => {
    const { port, asked } = await proxy();
    const certificate = await authority.issue(['127.0.0.1']);
    const tls = createTlsServer(certificate, (socket) => {
      const plain = connect(port, '127.0.0.1');
      for (const end of [socket, plain]) end.on('error', () => {});
      socket.pipe(plain).pipe(socket);
    });
    await new Promise<void>((resolve) => {
      tls.listen(0, '127.0.0.1', resolve);
    });
    closers.push(async () => void tls.close());
    const address = tls.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy does not listen');
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    try {
      const { http } = client({ env: { HTTPS_PROXY: `https://127.0.0.1:${address.port}` }, ca: [authority.cert] });
      expect(await textOf(http, 'https://registry.invalid/v2/')).toBe('secure /v2/');
    } finally {
      process.off('warning', note);
    }
    expect(asked).toEqual(['CONNECT registry.invalid:443']);
    expect(warnings).toEqual([]);
  });

  it('are asked for their scheme only', async () => {
    const { port, asked } = await proxy();
    const { http } = client({ env: { HTTP_PROXY: `http://127.0.0.1:${port}` }, ca: [authority.cert] });
    await expect(http.fetchFile('https://registry.invalid/', { limit: 10 })).rejects.toThrow(/host name/);
    expect(asked).toEqual([]);
  });

  it('are not asked for what NO_PROXY names, nor for this machine', async () => {
    const { port, asked } = await proxy();
    const { origin } = await startServer((_, response) => response.end('direct'));
    const env = { HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: 'other.example, inside.invalid' };
    const { http } = client({ env });
    expect(await textOf(http, origin)).toBe('direct');
    await expect(http.fetchFile('http://registry.inside.invalid/', { limit: 10 })).rejects.toThrow(/host name/);
    expect(asked).toEqual([]);
  });

  it('come from the environment given, never from that of the process', async () => {
    const before = process.env['http_proxy'];
    process.env['http_proxy'] = 'http://127.0.0.1:1';
    try {
      await expect(client({}).http.fetchFile('http://mirror.invalid/x', { limit: 1 })).rejects.toThrow(/host name/);
    } finally {
      if (before === undefined) delete process.env['http_proxy'];
      else process.env['http_proxy'] = before;
    }
  });
});

describe('a proxy with a password', () => {
  const authorization = `Basic ${Buffer.from('user:pa@ss%').toString('base64')}`;

  it('gets it, as it is written in an address', async () => {
    const { port } = await proxy({ authorization });
    const env = { HTTP_PROXY: `http://user:pa%40ss%@127.0.0.1:${port}`, HTTPS_PROXY: `http://user:pa%40ss%25@127.0.0.1:${port}` };
    const { http } = client({ env, ca: [authority.cert] });
    expect(await textOf(http, 'http://mirror.invalid/')).toBe('plain /');
    expect(await textOf(http, 'https://registry.invalid/')).toBe('secure /');
  });

  it.each(['http://mirror.invalid/', 'https://registry.invalid/'])('that refuses it is named without it, for %s', async (url) => {
    const { port } = await proxy({ authorization });
    const address = `http://user:s3cr3t@127.0.0.1:${port}`;
    const { http, events } = client({ env: { HTTP_PROXY: address, HTTPS_PROXY: address }, retryDelaysMs: [1] });
    const error: unknown = await http.fetchFile(url, { limit: 10 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'FETCH_FAILED',
      message: `Cannot fetch "${url}": the proxy "http://127.0.0.1:${port}" asks for a user name and password, or refused those it got`,
      hint: expect.stringMatching(url.startsWith('https') ? /in HTTPS_PROXY, as USER:PASSWORD@/ : /in HTTP_PROXY, as USER:PASSWORD@/),
    });
    expect(JSON.stringify([error instanceof Error ? [error.message, error.stack] : error, events])).not.toContain('s3cr3t');
  });
});

describe('a proxy that does not do what it should', () => {
  it('by refusing a host is named with what helps', async () => {
    const { port } = await proxy({ refuses: 403 });
    const { http } = client({ env: { HTTPS_PROXY: `http://127.0.0.1:${port}` } });
    await expect(http.fetchFile('https://registry.invalid/', { limit: 10 })).rejects.toMatchObject({
      message: expect.stringContaining(`the proxy "http://127.0.0.1:${port}" does not connect to "registry.invalid": it answered 403`),
      hint: expect.stringContaining('NO_PROXY=registry.invalid'),
    });
  });

  it('by not being there is not taken for the server', async () => {
    const stopped = await proxy();
    const { port } = stopped;
    await stopped.close();
    closers.pop();
    const { http } = client({ env: { HTTPS_PROXY: `http://user:s3cr3t@127.0.0.1:${port}` } });
    const error: unknown = await http.fetchFile('https://registry.invalid/', { limit: 10 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringContaining(`through the proxy "http://127.0.0.1:${port}": the connection was refused`),
    });
    expect(String(error)).not.toContain('s3cr3t');
  });

  it('by looking into TLS is met with the question for its authority', async () => {
    const { port } = await proxy();
    const { http } = client({ env: { HTTPS_PROXY: `http://127.0.0.1:${port}` } });
    await expect(http.fetchFile('https://registry.invalid/', { limit: 10 })).rejects.toMatchObject({
      message: expect.stringContaining('an authority that is not trusted here'),
      hint: expect.stringMatching(/looks into TLS.*--ca FILE/),
    });
  });

  it.each(['socks5://127.0.0.1:1080', 'http://', 'http://user:s3cr3t@', 'ftp://user:s3cr3t@host'])(
    'by its address %s is refused, without showing it',
    (address) => {
      const make = (): HttpClient => new HttpClient({ env: { HTTPS_PROXY: address } });
      expect(make).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('Cannot use HTTPS_PROXY') }));
      expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining('s3cr3t') }));
    },
  );
});
