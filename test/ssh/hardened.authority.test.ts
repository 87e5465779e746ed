import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Host } from '../../src/host/index.ts';
import { knownKeysOf, openSshHost } from '../../src/ssh/index.ts';
import { describeHost } from '../contract/host.ts';
import { runTool, startSshd, type RunningSshd, type SshdAccount, type SshdOptions } from '../support/sshd.ts';
import { onThisMachine } from '../host/temp-host.ts';

/** What auditors ask of sshd. */
const HARDENED = ['PermitRootLogin no', 'DisableForwarding yes', 'AllowUsers admin', 'PermitTTY no'];

/** What a login shell may print before the command, on both streams, with and without an end of line. */
const TALKATIVE = `echo "Welcome to $HOSTNAME"
echo "Authorised use only" >&2
printf 'Last login: never'
`;

const PASSWORD = `  pass "word" it's\\ `;

const SECURE = 'Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"\nDefaults lecture=always\n';
const WITH_PASSWORD = `${SECURE}admin ALL=(ALL:ALL) ALL\n`;
const WITHOUT = `${SECURE}admin ALL=(ALL:ALL) NOPASSWD: ALL\n`;
const TERMINAL = 'Defaults requiretty\n';
const OWN_TERMINAL = 'Defaults requiretty, use_pty\n';

function account(sudoers: string, more: Partial<SshdAccount> = {}): SshdOptions {
  return { config: HARDENED, account: { name: 'admin', password: PASSWORD, bashrc: TALKATIVE, sudoers, ...more } };
}

async function open(sshd: RunningSshd, sudoPassword?: string, user = 'admin'): Promise<Host> {
  const known = runTool('ssh-keyscan', ['-p', `${sshd.port}`, '127.0.0.1']);
  const file = join(sshd.directory, 'id');
  return openSshHost({
    target: {
      name: 'n1',
      address: '127.0.0.1',
      port: sshd.port,
      user,
      trust: { kind: 'known-hosts', file: 'known_hosts', keys: knownKeysOf(known, '127.0.0.1', sshd.port) },
      credentials: { identities: [{ file, key: readFileSync(file, 'utf8') }] },
    },
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
  });
}

for (const [what, sudoers, sudoPassword] of [
  ['a hardened host whose sudo asks for a password', WITH_PASSWORD, PASSWORD],
  ['a hardened host whose sudo wants a terminal and a password', TERMINAL + WITH_PASSWORD, PASSWORD],
] as const) {
  describeHost(`SshHost at ${what}`, async () => {
    const sshd = await startSshd(account(sudoers));
    return onThisMachine(await open(sshd, sudoPassword), () => sshd.stop());
  });
}

describe('a login', () => {
  const running: RunningSshd[] = [];

  async function start(options: SshdOptions): Promise<RunningSshd> {
    const sshd = await startSshd(options);
    running.push(sshd);
    return sshd;
  }

  afterEach(async () => {
    for (const sshd of running.splice(0)) await sshd.stop();
  });

  it('may print what it likes before a command, and trace its commands', async () => {
    const sshd = await start(account(WITHOUT, { bashrc: `${TALKATIVE}set -x\n` }));
    const host = await open(sshd);
    const lines: string[] = [];
    const argv = ['sh', '-c', 'echo out; echo err >&2; cat; exit 3'];
    const result = await host.run({ argv, input: 'in' }, { onLine: (line) => lines.push(line) });
    expect(result).toEqual({ exitCode: 3, stdout: 'out\nin', stderr: 'err\n' });
    expect(lines.toSorted()).toEqual(['err', 'in', 'out']);
    await host.close();
  });

  it('that has one session at a time waits for it, however long a command takes', async () => {
    const options = account(OWN_TERMINAL + WITHOUT);
    const sshd = await start({ ...options, config: [...HARDENED, 'MaxSessions 1'] });
    const host = await open(sshd);
    const slow = host.run({ argv: ['sh', '-c', 'sleep 7; echo slow'] });
    const quick = Array.from({ length: 10 }, async (_, index) => host.run({ argv: ['cat'], input: `${index}` }));
    expect((await slow).stdout).toBe('slow\n');
    expect((await Promise.all(quick)).map(({ stdout }) => stdout)).toEqual(quick.map((_, index) => `${index}`));
    await host.upload('content', join(sshd.directory, 'uploaded'), { mode: 0o640 });
    expect(readFileSync(join(sshd.directory, 'uploaded'), 'utf8')).toBe('content');
    await host.close();
  });

  it('as root may print what it likes, too', async () => {
    const sshd = await start({ config: ['SetEnv BASH_ENV=/nowhere'], account: { name: 'root2', password: 'x', bashrc: TALKATIVE } });
    const host = await open(sshd, undefined, 'root');
    expect(await host.run({ argv: ['id', '-u'] })).toEqual({ exitCode: 0, stdout: '0\n', stderr: '' });
    await host.close();
  });

  it.each([
    ['a password that it does not have', WITH_PASSWORD, undefined, /a password is required/, /ssh\.sudoPasswordFile/],
    ['another password', WITH_PASSWORD, 'guess', /incorrect password/, /first line of ssh\.sudoPasswordFile/],
    ['a terminal and another password', TERMINAL + WITH_PASSWORD, 'guess', /incorrect password/, /first line of ssh\.sudoPasswordFile/],
    ['a user that it knows', `${SECURE}root ALL=(ALL) ALL\n`, PASSWORD, /not in the sudoers file/, /\/etc\/sudoers\.d/],
  ])('is told what sudo says when sudo wants %s', async (_what, sudoers, password, reason, remedy) => {
    const sshd = await start(account(sudoers));
    await expect(open(sshd, password)).rejects.toMatchObject({
      code: 'HOST_NOT_ROOT',
      message: expect.stringMatching(reason),
      hint: expect.stringMatching(remedy),
    });
  });

  it.each([
    ['a shell that lets nobody in', account(WITHOUT, { shell: '/usr/sbin/nologin' }), /currently not available/],
    ['a forced command', { ...account(WITHOUT), config: [...HARDENED, 'ForceCommand echo backup only'] }, /backup only"/],
  ])('with %s is no matter of sudo', async (_what, options, reason) => {
    const sshd = await start(options);
    await expect(open(sshd)).rejects.toMatchObject({
      code: 'HOST_SHELL_UNUSABLE',
      message: expect.stringMatching(reason),
      hint: expect.stringContaining('forced command'),
    });
  });
});
