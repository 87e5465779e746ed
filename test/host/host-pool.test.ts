import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { CaissonError } from '../../src/core/index.ts';
import { HostPool, type Host } from '../../src/host/index.ts';
import { describeHost } from '../contract/host.ts';
import { startSshServer, type SshServer } from '../support/ssh-server.ts';
import { loginTo, openTestHost } from '../ssh/ssh-login.ts';
import { onThisMachine } from './temp-host.ts';

/** Connections that are counted. `run` answers with the name of the host after a moment; `hold` lets it wait. */
function countedConnections() {
  const names: string[] = [];
  let [open, most] = [0, 0];
  const connect = (name: string, change: Partial<Host> = {}) => {
    return async (): Promise<Host> => {
      names.push(name);
      open += 1;
      most = Math.max(most, open);
      await moment();
      return {
        name,
        address: '192.0.2.1',
        local: false,
        run: async () => {
          await moment();
          return { exitCode: 0, stdout: name, stderr: '' };
        },
        upload: moment,
        close: async () => {
          await moment();
          open -= 1;
        },
        ...change,
      };
    };
  };
  return {
    connect,
    names,
    get open() {
      return open;
    },
    get most() {
      return most;
    },
  };
}

async function moment(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A command that ends when it is told to. */
function held() {
  let end = (): void => {};
  let begin = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const run: Host['run'] = async () => {
    begin();
    await ended;
    return { exitCode: 0, stdout: 'held', stderr: '' };
  };
  return { run, begun, end: () => end() };
}

const ECHO = { argv: ['echo'] };
const servers: SshServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe('a pool of hosts', () => {
  it('reaches 300 hosts, all at once and again, over 32 connections', async () => {
    const counted = countedConnections();
    const pool = new HostPool();
    const hosts = await Promise.all(Array.from({ length: 300 }, async (_, index) => pool.open(counted.connect(`n${index}`))));
    for (let round = 0; round < 2; round += 1) {
      const answers = await Promise.all(hosts.map(async (host) => host.run(ECHO)));
      expect(answers.map(({ stdout }) => stdout)).toEqual(hosts.map(({ name }) => name));
    }
    await Promise.all(hosts.map(async (host) => host.upload('x', '/x', { mode: 0o644 })));
    expect(counted.most).toBe(32);
    await Promise.all(hosts.map(async (host) => host.close()));
    expect(counted.open).toBe(0);
  });

  it('reaches hosts over SSH', async () => {
    const { key, options } = loginTo();
    const server = await startSshServer({ authorized: [key], maxSessions: 100 });
    servers.push(server);
    const pool = new HostPool(4);
    const hosts = await Promise.all(Array.from({ length: 12 }, async () => pool.open(async () => openTestHost(server, options))));
    const answers = await Promise.all(hosts.map(async (host, index) => host.run({ argv: ['echo', `${index}`] })));
    expect(answers.map(({ stdout }) => stdout)).toEqual(hosts.map((_, index) => `${index}\n`));
    expect(server.peakConnections).toBe(4);
    await Promise.all(hosts.map(async (host) => host.close()));
  });

  it('closes the connection that was used least recently, and makes it again when it is used', async () => {
    const { connect, names } = countedConnections();
    const pool = new HostPool(2);
    const a = await pool.open(connect('a'));
    const b = await pool.open(connect('b'));
    await a.run(ECHO);
    await pool.open(connect('c'));
    expect(names).toEqual(['a', 'b', 'c']);
    await a.run(ECHO);
    expect(names).toEqual(['a', 'b', 'c']);
    await b.run(ECHO);
    expect(names).toEqual(['a', 'b', 'c', 'b']);
  });

  it('has many hosts listen to one signal without a warning of Node', async () => {
    const { connect } = countedConnections();
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on('warning', hear);
    const pool = new HostPool(20);
    const hosts = await Promise.all(Array.from({ length: 40 }, async (_, index) => pool.open(connect(`n${index}`))));
    const { signal } = new AbortController();
    await Promise.all(hosts.map(async (host) => host.run(ECHO, { signal })));
    await moment();
    process.off('warning', hear);
    expect(warnings).toEqual([]);
  });

  it('never cuts a command in flight: the next host waits for its end', async () => {
    const counted = countedConnections();
    const pool = new HostPool(1);
    const command = held();
    const a = await pool.open(counted.connect('a', { run: command.run }));
    const running = a.run(ECHO);
    await command.begun;
    const opening = pool.open(counted.connect('b'));
    await moment();
    expect(counted.names).toEqual(['a']);
    command.end();
    expect((await running).stdout).toBe('held');
    expect((await opening).name).toBe('b');
    expect(counted.most).toBe(1);
  });

  it('has commands of one host share its connection', async () => {
    const { connect, names } = countedConnections();
    const pool = new HostPool(1);
    const a = await pool.open(connect('a'));
    await pool.open(connect('b'));
    await Promise.all([a.run(ECHO), a.run(ECHO), a.run(ECHO)]);
    expect(names).toEqual(['a', 'b', 'a']);
  });

  it('fails a command with what failed when the connection was made again, and tries anew with the next', async () => {
    const { connect } = countedConnections();
    const pool = new HostPool(1);
    let isDown = false;
    const a = await pool.open(async () => {
      if (isDown) throw new CaissonError('HOST_UNREACHABLE', 'Cannot connect to "a"');
      return connect('a')();
    });
    const b = await pool.open(connect('b'));
    isDown = true;
    await expect(a.run(ECHO)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    await expect(a.upload(new PassThrough(), '/x', { mode: 0o644 })).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    // A login that failed has given its place back.
    expect((await b.run(ECHO)).stdout).toBe('b');
    isDown = false;
    expect((await a.run(ECHO)).stdout).toBe('a');
  });

  it('does not use a lost connection again', async () => {
    const { connect, names } = countedConnections();
    const pool = new HostPool(1);
    const lose: Host['run'] = async () => Promise.reject(new CaissonError('HOST_CONNECTION', 'the host closed it'));
    const a = await pool.open(async () => connect('a', names.length === 0 ? { run: lose } : {})());
    await expect(a.run(ECHO)).rejects.toMatchObject({ code: 'HOST_CONNECTION' });
    expect((await a.run(ECHO)).stdout).toBe('a');
    expect(names).toEqual(['a', 'a']);
  });

  it('lets go who is interrupted while it waits for a place, and makes no connection for it', async () => {
    const { connect, names } = countedConnections();
    const pool = new HostPool(1);
    const command = held();
    const a = await pool.open(connect('a'));
    const b = await pool.open(connect('b', { run: command.run }));
    const running = b.run(ECHO);
    await command.begun;
    const stop = new AbortController();
    const waiting = a.run(ECHO, { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'INTERRUPTED' });
    command.end();
    await running;
    expect(names).toEqual(['a', 'b']);
    expect((await a.run(ECHO)).stdout).toBe('a');
  });

  it('says what is wrong with a source that fails while the connection is made', async () => {
    const { connect } = countedConnections();
    const pool = new HostPool(1);
    const a = await pool.open(connect('a'));
    await pool.open(connect('b'));
    const source = new PassThrough();
    const sending = a.upload(source, '/x', { mode: 0o644 });
    source.destroy(new Error('the disk is on fire'));
    await expect(sending).rejects.toThrow('the disk is on fire');
  });

  it('needs no place for this machine', async () => {
    const { connect } = countedConnections();
    const pool = new HostPool(1);
    const here = await pool.open(connect('here', { local: true }));
    expect(here.local).toBe(true);
    await pool.open(connect('a'));
    expect((await here.run(ECHO)).stdout).toBe('here');
  });

  it('makes no connection after it was closed', async () => {
    const counted = countedConnections();
    const a = await new HostPool(1).open(counted.connect('a'));
    await a.close();
    expect(counted.open).toBe(0);
    await expect(a.run(ECHO)).rejects.toMatchObject({ code: 'HOST_CONNECTION' });
  });
});

describeHost('PooledHost', async () => {
  const { key, options } = loginTo();
  const server = await startSshServer({ authorized: [key] });
  const pool = new HostPool(1);
  const open = async (): Promise<Host> => openTestHost(server, options);
  const host = await pool.open(open);
  // It begins without a connection.
  const other = await pool.open(open);
  return onThisMachine(host, async () => {
    await other.close();
    await server.stop();
  });
});
