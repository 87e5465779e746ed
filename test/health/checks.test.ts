import { rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { HealthModel } from '../../src/core/index.ts';
import { describeCheck, healthCheckOf, probe, type CheckOptions, type HealthCheck, type HealthResult } from '../../src/health/index.ts';
import type { Command, CommandResult, Host } from '../../src/host/index.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { testAuthority } from '../support/test-certificates.ts';

const servers: (Server | TcpServer)[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listen(server: Server | TcpServer): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port; // a TCP server's address is never a string
}

async function serve(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(listener))}/`;
}

function hostThat(answer: (command: Command, signal?: AbortSignal) => Promise<CommandResult>): Host {
  return {
    name: 'm1',
    address: '127.0.0.1',
    local: true,
    run: (command, options) => answer(command, options?.signal),
    upload: () => Promise.reject(new Error('a probe uploads nothing')),
    close: async () => {},
  };
}

const noHost = hostThat(() => Promise.reject(new Error('this probe runs no command')));

const temp = useTempDir();

function checkOf(model: HealthModel, address: string, timeoutMs = 2000): HealthCheck {
  return read(model, address, { timeoutMs });
}

function read(model: HealthModel, address: string, options: CheckOptions): HealthCheck {
  const check = healthCheckOf(model, address, options);
  if ('mistake' in check) throw new Error(check.mistake);
  return check;
}

async function look(check: HealthCheck, host: Host = noHost): Promise<HealthResult> {
  return probe(check, { host, signal: new AbortController().signal });
}

describe('the http check', () => {
  it.each([200, 204, 301, 401, 404, 499])('takes status %i for healthy: the service answers for itself', async (status) => {
    const url = await serve((_, response) => response.writeHead(status, { location: 'http://192.0.2.1/' }).end());
    expect(await look(checkOf('http', url))).toEqual({ status: 'healthy', reason: '' });
  });

  it.each([
    [200, '200', 'healthy'],
    [204, '200-299, 401', 'healthy'],
    [401, '200-299, 401', 'healthy'],
    [403, '200-299, 401', 'unhealthy'],
    [300, '200-299', 'unhealthy'],
    [503, '503', 'healthy'],
  ])('takes status %i, where "%s" count, for %s', async (status, counts, expected) => {
    const check = healthCheckOf('http', await serve((_, response) => response.writeHead(status).end()), { status: counts });
    if ('mistake' in check) throw new Error(check.mistake);
    expect(await look(check)).toMatchObject({ status: expected });
  });

  it.each(['', '2xx', '299-200', '20', '600', '200,', '200 300'])('refuses "%s" as a list of statuses', (status) => {
    expect(healthCheckOf('http', 'http://127.0.0.1/', { status })).toHaveProperty('mistake');
  });

  it.each([500, 503, 599])('takes status %i for unhealthy', async (status) => {
    const url = await serve((_, response) => response.writeHead(status).end());
    expect(await look(checkOf('http', url))).toEqual({ status: 'unhealthy', reason: `${url} answers ${status}` });
  });

  it('is dead when nothing answers in time', async () => {
    const url = await serve(() => {});
    expect(await look(checkOf('http', url, 100))).toEqual({ status: 'dead', reason: `${url}: no answer within 0.1 s` });
  });

  it('is unhealthy when the connection is refused', async () => {
    const url = await serve(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await look(checkOf('http', url))).toEqual({ status: 'unhealthy', reason: `${url}: ECONNREFUSED` });
  });

  it('is unhealthy when what answers is not http', async () => {
    const port = await listen(createTcpServer((socket) => socket.end('-ERR unknown command\r\n')));
    expect((await look(checkOf('http', `127.0.0.1:${port}`))).status).toBe('unhealthy');
  });

  it('cuts a body that does not end', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await serve((request, response) => {
      closed = new Promise((resolve) => request.socket.on('close', resolve));
      const pour = (): void => {
        while (response.write('x'.repeat(16_384))) if (response.destroyed) return;
      };
      response.on('drain', pour);
      response.writeHead(200);
      pour();
    });
    expect((await look(checkOf('http', url))).status).toBe('healthy');
    await closed;
  });

  it('connects to a socket, whatever the host of the address is', async () => {
    const socket = join(temp(), 'engine.sock');
    const server = createServer((request, response) => response.writeHead(request.url === '/info' ? 200 : 404).end());
    servers.push(server);
    await new Promise<void>((resolve) => void server.listen(socket, resolve));
    const check = (url: string): HealthCheck => read('http', url, { socket, status: '200' });
    expect(await look(check('http://engine/info'))).toEqual({ status: 'healthy', reason: '' });
    expect(await look(check('http://engine/'))).toEqual({ status: 'unhealthy', reason: `http://engine/ on ${socket} answers 404` });
    await rm(socket);
    expect(await look(check('http://engine/info'))).toEqual({ status: 'unhealthy', reason: `http://engine/info on ${socket}: ENOENT` });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('shows a certificate over %s, and trusts the authority beside it alone', async (version) => {
    const [own, other] = [await testAuthority(), await testAuthority()];
    const { cert, key } = await own.issue(['127.0.0.1']);
    const options = { cert, key, ca: own.cert, requestCert: true, rejectUnauthorized: true, maxVersion: version };
    const port = await listen(createHttpsServer(options, (_, response) => response.end('ok')));
    const client = await own.issue(['probe']);
    const write = async (authority: string): Promise<void> => {
      for (const [name, text] of Object.entries({ 'ca.crt': authority, 'tls.crt': client.cert, 'tls.key': client.key }))
        await writeFile(join(temp(), name), text);
    };
    const check = read('http', `https://127.0.0.1:${port}/healthz`, { certificates: temp(), status: '200' });
    expect((await look(check)).reason).toContain('ENOENT');
    await write(own.cert);
    expect(await look(check)).toEqual({ status: 'healthy', reason: '' });
    await write(other.cert);
    expect(await look(check)).toMatchObject({ status: 'unhealthy', reason: expect.stringContaining('not of the authority') });
  });

  it.each([
    ['tcp', '127.0.0.1:1', { socket: '/s' }, 'names a socket, which only http has'],
    ['cmd', 'true', { certificates: '/d' }, 'names certificates, which only http has'],
    ['http', 'http://127.0.0.1/', { certificates: '/d' }, 'names certificates, which only https has'],
  ] as const)('refuses %s %s with %j', (model, address, options, mistake) => {
    expect(healthCheckOf(model, address, options)).toEqual({ mistake });
  });

  it('leaves no request behind when it is aborted', async () => {
    const url = await serve(() => {});
    const abort = new AbortController();
    const result = probe(checkOf('http', url), { host: noHost, signal: abort.signal });
    abort.abort(new Error('stopped'));
    await expect(result).rejects.toThrow('stopped');
  });
});

describe('the tcp check', () => {
  it('is healthy when the port takes a connection', async () => {
    const port = await listen(createTcpServer());
    expect(await look(checkOf('tcp', `127.0.0.1:${port}`))).toEqual({ status: 'healthy', reason: '' });
  });

  it('is dead when it does not, and says why', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await look(checkOf('tcp', `127.0.0.1:${port}`))).toEqual({ status: 'dead', reason: `127.0.0.1:${port}: ECONNREFUSED` });
  });
});

describe('the cmd check', () => {
  it('runs the line below bash with a timeout that kills what it started', async () => {
    const commands: Command[] = [];
    const host = hostThat(async (command) => {
      commands.push(command);
      return { exitCode: 0, stdout: '', stderr: '' };
    });
    expect(await look(checkOf('cmd', "test 'a b' = $X", 20_000), host)).toEqual({ status: 'healthy', reason: '' });
    expect(commands).toEqual([{ argv: ['timeout', '--kill-after=2', '20', '/bin/bash', '-c', "test 'a b' = $X"] }]);
  });

  it('is dead with what the command said last', async () => {
    const host = hostThat(async () => ({ exitCode: 3, stdout: 'out', stderr: 'first\nCannot connect to the daemon\n' }));
    expect(await look(checkOf('cmd', 'docker info'), host)).toEqual({
      status: 'dead',
      reason: 'exit status 3: Cannot connect to the daemon',
    });
  });

  it('gives up on a command that cannot be killed, and does not begin it again before it has ended', async () => {
    vi.useFakeTimers();
    try {
      const begun: ((result: CommandResult) => void)[] = [];
      const host = hostThat(
        () =>
          new Promise((resolve) => {
            begun.push(resolve);
          }),
      );
      const stuck = { status: 'dead', reason: 'the command did not end within 2 s, and cannot be killed' };
      const first = look(checkOf('cmd', 'cat /gone'), host);
      await vi.advanceTimersByTimeAsync(6000);
      expect(await first).toEqual(stuck);
      expect(await look(checkOf('cmd', 'cat /gone'), host)).toEqual(stuck);
      expect(begun).toHaveLength(1);
      const other = look(checkOf('cmd', 'true'), host);
      begun[1]?.({ exitCode: 0, stdout: '', stderr: '' });
      expect(await other).toEqual({ status: 'healthy', reason: '' });
      begun[0]?.({ exitCode: 137, stdout: '', stderr: '' });
      await vi.advanceTimersByTimeAsync(0);
      const again = look(checkOf('cmd', 'cat /gone'), host);
      begun[2]?.({ exitCode: 0, stdout: '', stderr: '' });
      expect(await again).toEqual({ status: 'healthy', reason: '' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends with the agent although its command does not', async () => {
    const abort = new AbortController();
    const host = hostThat(() => new Promise(() => {}));
    const ended = probe(checkOf('cmd', 'cat /gone'), { host, signal: abort.signal });
    abort.abort(new Error('the agent ends'));
    await expect(ended).rejects.toThrow('the agent ends');
  });

  it.each([124, 137])('says that the command did not end (status %i of timeout)', async (exitCode) => {
    const host = hostThat(async () => ({ exitCode, stdout: '', stderr: '' }));
    expect(await look(checkOf('cmd', 'sleep 9', 1000), host)).toEqual({ status: 'dead', reason: 'the command did not end within 1 s' });
  });

  it('turns a lost machine into a result, not a rejection', async () => {
    const host = hostThat(() => Promise.reject(new Error('connection lost')));
    expect(await look(checkOf('cmd', 'true'), host)).toEqual({ status: 'unhealthy', reason: 'connection lost' });
  });
});

describe('addresses', () => {
  it('gives a URL without a scheme plain http', () => {
    expect(describeCheck(checkOf('http', '127.0.0.1:10254/healthz'))).toBe('http://127.0.0.1:10254/healthz');
  });

  it('takes an IPv6 address in brackets', () => {
    expect(checkOf('tcp', '[::1]:2379')).toMatchObject({ host: '::1', port: 2379 });
  });

  it.each([
    ['http', 'http://'],
    ['http', 'http://user:word@127.0.0.1/'],
    ['tcp', '127.0.0.1'],
    ['tcp', '127.0.0.1:0'],
    ['tcp', '127.0.0.1:65536'],
    ['tcp', '::1:2379'],
    ['tcp', '[127.0.0.1]:2379'],
    ['tcp', 'http://127.0.0.1:2379'],
    ['cmd', '  '],
  ] as const)('refuses a %s address of "%s"', (model, address) => {
    expect(healthCheckOf(model, address)).toHaveProperty('mistake');
  });
});
