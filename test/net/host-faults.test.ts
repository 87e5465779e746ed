import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock, type Event } from '../../src/core/index.ts';
import { FetchError, HttpClient, type HttpClientOptions } from '../../src/net/index.ts';
import { freePort } from '../support/free-port.ts';
import { useLoopbackServers } from '../support/loopback-server.ts';

const start = useLoopbackServers();
const opened: { close(): unknown }[] = [];

function client(options: HttpClientOptions = {}): { http: HttpClient; attempts: () => number; events: Event[] } {
  const events: Event[] = [];
  const http = new HttpClient({ emit: (event) => events.push(event), sleep: async () => {}, ...options });
  opened.push(http);
  return { http, events, attempts: () => events.filter(({ type }) => type === 'retry').length };
}

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

/** A port that takes connections, and says nothing. */
async function silentPort(): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    opened.push({ close: () => socket.destroy() });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({ close: () => server.close() });
  return { port: portOf(server.address()).port, connections: () => connections };
}

function portOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('A listening server has an address');
  return address;
}

async function failureOf(work: Promise<unknown>): Promise<FetchError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FetchError)) throw new Error(`not a FetchError: ${String(error)}`);
  return error;
}

describe('a host that cannot be reached', () => {
  it('is asked as often as one request is repeated, however many requests there are', async () => {
    const { http, attempts } = client();
    const origin = `http://127.0.0.1:${await freePort()}`;
    const first = await failureOf(http.request({ url: `${origin}/v2/` }));
    expect(attempts()).toBe(3);
    const others = await Promise.all([1, 2, 3].map((number) => failureOf(http.request({ url: `${origin}/v2/${number}` }))));
    expect(attempts()).toBe(3);
    expect(first).toMatchObject({ host: origin, message: `Cannot fetch "${origin}/v2/": the connection was refused` });
    for (const other of others) expect(other).toBe(first);
  });

  it('gives requests that were under way the same fault', async () => {
    const { http, attempts } = client();
    const origin = `http://127.0.0.1:${await freePort()}`;
    const failures = await Promise.all([1, 2, 3, 4].map((number) => failureOf(http.request({ url: `${origin}/${number}` }))));
    expect(new Set(failures).size).toBe(1);
    expect(attempts()).toBeLessThanOrEqual(12);
  });

  it('is told from another port, another scheme and another host', async () => {
    const { http } = client();
    const { origin } = await start((_, response) => response.end('here'));
    const port = await freePort();
    await failureOf(http.request({ url: `http://127.0.0.1:${port}/` }));
    expect((await http.requestWhole({ url: `${origin}/` }, 100)).bytes.toString()).toBe('here');
    const other = await failureOf(http.request({ url: `http://localhost:${port}/` }));
    expect(other.host).toBe(`http://localhost:${port}`);
  });

  it('is found out where a redirect leads to it, and does not make the first host faulty', async () => {
    const { http } = client();
    const port = await freePort();
    const { origin, requests } = await start((request, response) => {
      if (request.url === '/away') response.writeHead(307, { location: `http://127.0.0.1:${port}/blob?sig=1` }).end();
      else response.end('here');
    });
    expect((await failureOf(http.request({ url: `${origin}/away` }))).host).toBe(`http://127.0.0.1:${port}`);
    expect((await http.requestWhole({ url: `${origin}/x` }, 100)).bytes.toString()).toBe('here');
    const before = requests.length;
    await failureOf(http.request({ url: `${origin}/away` }));
    expect(requests.length).toBe(before + 1);
  });

  it('is silent: after one request has waited, no other does', async () => {
    const { port, connections } = await silentPort();
    const { http } = client({ stallTimeoutMs: 50, retryDelaysMs: [0] });
    const first = await failureOf(http.request({ url: `http://127.0.0.1:${port}/a` }));
    expect(connections()).toBe(2);
    expect(await failureOf(http.request({ url: `http://127.0.0.1:${port}/b` }))).toBe(first);
    expect(connections()).toBe(2);
  });

  it('is asked again when its fault has been remembered for long enough', async () => {
    let now = 0;
    const clock: Clock = { ...systemClock, monotonic: () => now };
    const { http, attempts } = client({ clock, hostFaultMs: 10_000, retryDelaysMs: [1] });
    const url = `http://127.0.0.1:${await freePort()}/`;
    await failureOf(http.request({ url }));
    now = 9_999;
    await failureOf(http.request({ url }));
    expect(attempts()).toBe(1);
    now = 10_000;
    await failureOf(http.request({ url }));
    expect(attempts()).toBe(2);
  });
});

describe('a host that answers', () => {
  it('is not faulty because of one path that gets no answer', async () => {
    const { http } = client({ stallTimeoutMs: 80, retryDelaysMs: [] });
    const { origin } = await start((request, response) => {
      if (request.url !== '/stuck') response.end('here');
    });
    await http.requestWhole({ url: `${origin}/x` }, 100);
    expect((await failureOf(http.request({ url: `${origin}/stuck` }))).host).toBeUndefined();
    expect((await http.requestWhole({ url: `${origin}/y` }, 100)).status).toBe(200);
  });

  it.each([404, 403, 500, 503])('is not faulty because of status %i', async (status) => {
    const { http } = client({ retryDelaysMs: [] });
    const { origin, requests } = await start((_, response) => response.writeHead(status).end());
    expect((await http.requestWhole({ url: `${origin}/a` }, 100)).status).toBe(status);
    expect((await http.requestWhole({ url: `${origin}/b` }, 100)).status).toBe(status);
    expect(requests).toHaveLength(2);
  });
});
