import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { explainConnectFailure, type FailedConnect } from '../../src/ssh/connect-failure.ts';
import { freePort } from '../support/free-port.ts';
import { openTestHost } from './ssh-login.ts';

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on a port has an address of this shape.
  return (server.address() as AddressInfo).port;
}

async function failureAt(port: number): Promise<unknown> {
  return openTestHost({ port, hostKeys: [] }, { readyTimeoutMs: 1000 }).catch((error: unknown) => error);
}

/** A listener whose queue is full and stays so: the kernel drops what would connect, as a filter does. */
const FULL = `const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  process.stdout.write(String(server.address().port), () => process.kill(process.pid, 'SIGSTOP'));
});`;

describe('a host that cannot be connected', () => {
  it('and refuses: nothing listens', async () => {
    const port = await freePort();
    expect(await failureAt(port)).toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: `Cannot connect to "n1" at 127.0.0.1:${port}: nothing listens on port ${port}: sshd is not running there`,
      hint: expect.stringContaining('Start sshd'),
    });
  });

  it('and does not answer: filtered or down', async () => {
    const listener = spawn(process.execPath, ['-e', FULL], { stdio: ['ignore', 'pipe', 'inherit'] });
    const fillers: Socket[] = [];
    try {
      const [text]: unknown[] = await once(listener.stdout, 'data');
      const port = Number(String(text));
      for (let index = 0; index < 8; index += 1) fillers.push(connect(port, '127.0.0.1').on('error', () => {}));
      await new Promise((resolve) => {
        setTimeout(resolve, 200);
      });
      expect(await failureAt(port)).toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: expect.stringContaining('no answer within 1 s: a filter may drop the port, or the host is down'),
        hint: expect.stringContaining(`let port ${port} through from here; where only another host reaches it, name that one in ssh.jump`),
      });
    } finally {
      for (const socket of fillers) socket.destroy();
      listener.kill('SIGKILL');
    }
  });

  it.each([
    ['says nothing', createServer()],
    ['hangs up', createServer((socket) => socket.end())],
    ['breaks the connection', createServer((socket) => socket.resetAndDestroy())],
    ['speaks another language', createHttpServer()],
    ['says something else first', createServer((socket) => socket.write(`220 mail ready\r\n${'x'.repeat(20_000)}`))],
  ])('because what listens there %s: no SSH', async (_what, server) => {
    const port = await listening(server);
    expect(await failureAt(port)).toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining(`port ${port} is open, but what listens there does not answer as an SSH server`),
      hint: expect.stringContaining('ssh.port'),
    });
    server.close();
  });
});

describe('explainConnectFailure', () => {
  const FAILED: FailedConnect = { address: '192.0.2.1', port: 22, error: new Error('?'), connected: false, timeoutMs: 20_000 };

  function withCode(code: string): Error {
    return Object.assign(new Error(`connect ${code} 192.0.2.1:22`), { code });
  }

  it.each([
    ['EHOSTUNREACH', /cannot be reached \(EHOSTUNREACH\)/, /ip route get 192\.0\.2\.1/],
    ['ENETUNREACH', /cannot be reached \(ENETUNREACH\)/, /ssh\.jump/],
    ['ETIMEDOUT', /no answer within 20 s/, /let port 22 through/],
    ['ENOTFOUND', /its name is not known/, /address in cluster\.yaml/],
  ])('knows %s', (code, reason, hint) => {
    const { reason: said, hint: remedy } = explainConnectFailure({ ...FAILED, error: withCode(code) });
    expect([said, remedy]).toEqual([expect.stringMatching(reason), expect.stringMatching(hint)]);
  });

  it.each([
    ['Connection refused', /nothing listens on port 22/],
    ['Connection timed out', /no answer/],
    ['No route to host', /cannot be reached \(no route to host\)/],
    ['Network is unreachable', /cannot be reached/],
    ['administratively prohibited', /"bastion" does not pass connections on/],
    ['Name or service not known', /name is not known/],
  ])('knows the "%s" of a jump host', (words, reason) => {
    const error = new Error(`(SSH) Channel open failure: ${words}`);
    expect(explainConnectFailure({ ...FAILED, error, jump: 'bastion' }).reason).toMatch(reason);
  });

  it('keeps the words of what it does not know', () => {
    const error = new Error('Handshake failed: no matching key exchange algorithm');
    expect(explainConnectFailure({ ...FAILED, error, connected: true }).reason).toBe(error.message);
  });
});
