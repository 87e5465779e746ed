import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JumpHosts, openSshHost, type ConnectOptions, type HostToConnect, type SshLogin } from '../../src/ssh/index.ts';
import { targetOf } from '../../src/ssh/ssh-targets.ts';
import { describeHost } from '../contract/host.ts';
import { runTool, startSshd, type RunningSshd } from '../support/sshd.ts';
import { onThisMachine } from '../host/temp-host.ts';

/** Of every sshd, as ssh-keyscan shows it. */
function scanned(...servers: readonly RunningSshd[]): string {
  return servers.map(({ port }) => runTool('ssh-keyscan', ['-p', `${port}`, '127.0.0.1'])).join('');
}

/** The same user's key for the node and the jump host. */
async function authorize(server: RunningSshd, by: RunningSshd): Promise<void> {
  await writeFile(join(server.directory, 'authorized_keys'), readFileSync(join(by.directory, 'id.pub')));
}

function via(node: RunningSshd, known: string, more: Partial<SshLogin> = {}): SshLogin {
  return { agent: false, port: node.port, identityFile: join(node.directory, 'id'), knownHosts: known, ...more };
}

const NODE: HostToConnect = { name: 'n1', address: '127.0.0.1' };

describeHost('SshHost behind two jump hosts of OpenSSH', async () => {
  const [node, outer, inner] = [await startSshd(), await startSshd(), await startSshd()];
  const known = join(node.directory, 'known');
  await writeFile(known, scanned(node, outer, inner));
  await authorize(outer, node);
  await authorize(inner, node);
  const ssh = via(node, known, { jump: [`root@127.0.0.1:${outer.port}`, `127.0.0.1:${inner.port}`] });
  const target = await targetOf(NODE, ssh, { home: node.directory, directory: '/' });
  return onThisMachine(await openSshHost({ target }), async () => {
    for (const server of [node, outer, inner]) await server.stop();
  });
});

describe('behind a jump host', () => {
  let node: RunningSshd;
  let jump: RunningSshd;
  let known: string;
  let options: ConnectOptions;

  beforeAll(async () => {
    // Here every host is this one; sshd refuses many logins at a time.
    node = await startSshd({ config: ['MaxStartups 100'] });
    jump = await startSshd();
    await authorize(jump, node);
  });
  beforeEach(async () => {
    known = join(node.directory, 'known');
    await writeFile(known, scanned(node, jump));
    options = { home: join(node.directory, 'home'), directory: node.directory };
    await rm(options.home, { recursive: true, force: true });
    await mkdir(join(options.home, '.ssh'), { recursive: true });
  });
  afterAll(async () => {
    await node.stop();
    await jump.stop();
  });

  async function says(ssh: SshLogin, to: HostToConnect = NODE, jumpHosts?: JumpHosts): Promise<string> {
    const host = await openSshHost({ target: await targetOf(to, ssh, options), jumpHosts });
    const { stdout } = await host.run({ argv: ['printenv', 'SSH_CONNECTION'] });
    await host.close();
    return stdout.trim();
  }

  it('its key is checked before anything is sent there', async () => {
    await writeFile(known, scanned(node));
    await expect(says(via(node, known, { jump: `127.0.0.1:${jump.port}` }))).rejects.toMatchObject({
      code: 'HOST_KEY_UNKNOWN',
      message: expect.stringMatching(/^Cannot reach "n1" through "127\.0\.0\.1:\d+": Cannot trust/),
      hint: expect.stringContaining(`ssh-keyscan -p ${jump.port} 127.0.0.1`),
    });
  });

  it('the key of the node is checked, too', async () => {
    await writeFile(known, scanned(jump));
    await expect(says(via(node, known, { jump: `127.0.0.1:${jump.port}` }))).rejects.toMatchObject({
      code: 'HOST_KEY_UNKNOWN',
      message: expect.stringMatching(/^Cannot trust "n1"/),
    });
  });

  it('many hosts share one connection to it, which ends with the last of them', async () => {
    const jumpHosts = new JumpHosts();
    const ssh = via(node, known, { jump: `127.0.0.1:${jump.port}` });
    const target = await targetOf(NODE, ssh, options);
    const hosts = await Promise.all(Array.from({ length: 12 }, async () => openSshHost({ target, jumpHosts })));
    const open = (): number =>
      runTool('ss', ['-Htn', 'state', 'established', `sport = :${jump.port}`])
        .split('\n')
        .filter((line) => line !== '').length;
    expect(open()).toBe(1);
    await Promise.all(hosts.slice(1).map(async (host) => host.close()));
    expect((await hosts[0]?.run({ argv: ['echo', 'in'] }))?.stdout).toBe('in\n');
    expect(open()).toBe(1);
    await hosts[0]?.close();
    await expect.poll(open).toBe(0);
  });

  it('a node may be reached without one', async () => {
    const ssh = via(node, known, { jump: '127.0.0.1:1' });
    expect(await says(ssh, { ...NODE, ssh: { jump: [] } })).toContain(` ${node.port}`);
  });

  it('what the jump host cannot reach is said as seen from it', async () => {
    const ssh = { ...via(node, known, { jump: `127.0.0.1:${jump.port}` }), port: 1 };
    await expect(says(ssh)).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: 'Cannot connect to "n1" at 127.0.0.1:1: nothing listens on port 1: sshd is not running there',
    });
  });

  it('a jump host that passes nothing on is named', async () => {
    const closed = await startSshd({ config: ['AllowTcpForwarding no'] });
    await authorize(closed, node);
    await writeFile(known, scanned(node, closed));
    await expect(says(via(node, known, { jump: `127.0.0.1:${closed.port}` }))).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining(`"127.0.0.1:${closed.port}" does not pass connections on`),
      hint: expect.stringContaining('AllowTcpForwarding'),
    });
    await closed.stop();
  });

  describe('with the ssh configuration', () => {
    /** Nothing is left for cluster.yaml to say. */
    const SSH: SshLogin = { agent: false, config: true };

    async function configure(lines: readonly string[]): Promise<void> {
      await writeFile(join(options.home, '.ssh/config'), `${lines.join('\n')}\n`);
    }

    it('takes host name, port, key, known hosts and jump host from it', async () => {
      await configure([
        'Host n1',
        '  HostName 127.0.0.1',
        `  Port ${node.port}`,
        '  ProxyJump bastion',
        'Host bastion',
        '  HostName 127.0.0.1',
        `  Port ${jump.port}`,
        'Host n1 bastion',
        '  User root',
        `  IdentityFile ${join(node.directory, 'id')}`,
        `  UserKnownHostsFile ${known}`,
      ]);
      const to = { name: 'n1', address: '192.0.2.250' };
      expect(await says(SSH, to)).toContain(` ${node.port}`);
      const target = await targetOf(to, SSH, options);
      expect(target).toMatchObject({ address: '127.0.0.1', port: node.port, user: 'root', jumps: [{ name: 'bastion', port: jump.port }] });
    });

    it('knows a host by its address, by patterns, through Include, and by the old ProxyCommand', async () => {
      await writeFile(join(options.home, '.ssh/more'), 'Host 192.0.2.*\n  ProxyCommand ssh -W %h:%p gate\n  HostKeyAlias "rack"\n');
      await configure([`Include ${join(options.home, '.ssh/more')}`, `Host gate`, '  ProxyJump ops@outer:2222', '  User %r']);
      const target = await targetOf({ name: 'n2', address: '192.0.2.7' }, SSH, options);
      expect(target.jumps?.map(({ name }) => name)).toEqual(['ops@outer:2222', 'gate']);
      expect(target).toMatchObject({ user: 'root', port: 22, address: '192.0.2.7' });
    });

    it('counts less than what cluster.yaml says', async () => {
      await configure([
        'Host *',
        '  User somebody',
        '  Port 1',
        '  ProxyJump nowhere',
        '  IdentityFile /nowhere',
        '  UserKnownHostsFile /nowhere',
      ]);
      const ssh = { ...via(node, known, { user: 'root', config: true }) };
      expect(await says(ssh, { ...NODE, ssh: { jump: [] } })).toContain(` ${node.port}`);
    });

    it('is not read unless cluster.yaml says so', async () => {
      await configure(['Host *', '  User somebody']);
      expect((await targetOf(NODE, { agent: false }, options)).user).toBe('root');
    });

    it('may be one file', async () => {
      await writeFile(join(node.directory, 'own'), 'Host n1\n  User deploy\n');
      expect((await targetOf(NODE, { agent: false, config: 'own' }, options)).user).toBe('deploy');
    });

    it.each([
      ['a mistake', ['Host *', '  NoSuchSetting yes'], 'INPUT_UNREADABLE', /[Bb]ad configuration option|terminating/],
      ['a ProxyCommand', ['Host *', '  ProxyCommand nc -X 5 %h %p'], 'HOST_UNREACHABLE', /ProxyCommand "nc -X 5 %h %p"/],
      ['a circle of jump hosts', ['Host n1 b', '  ProxyJump a', 'Host a', '  ProxyJump b'], 'HOST_UNREACHABLE', /jump hosts in a row/],
    ])('that has %s is refused', async (_what, lines, code, message) => {
      await configure(lines);
      await expect(targetOf(NODE, SSH, options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    });
  });
});
