import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

const SSHD = '/usr/sbin/sshd';

export interface RunningSshd {
  readonly port: number;
  /** Holds id (and id.pub), locked (with the passphrase `long words`), and the host keys host_ed25519 and host_rsa. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** A user that exists only for this server; see SshdOptions.account. */
export interface SshdAccount {
  readonly name: string;
  readonly password: string;
  /** `/bin/bash` by default. */
  readonly shell?: string;
  /** Text of `~/.bashrc`. */
  readonly bashrc?: string;
  /** Text of `/etc/sudoers`, which needs the Debian package sudo. */
  readonly sudoers?: string;
}

export interface SshdOptions {
  /** Lines that come before the usual ones of sshd_config; the first value of a setting counts. */
  readonly config?: readonly string[];
  /**
   * Runs the server in a mount namespace in which this user exists, with `id` as its key. Programs in /tmp and /home
   * cannot be executed there, and new files are readable by their owner only. Other processes of the machine do not see
   * the namespace.
   */
  readonly account?: SshdAccount;
}

/** OpenSSH's own server on a loopback port, with its own keys and configuration; root may log in with `id` and `locked`. */
export async function startSshd({ config: settings = [], account }: SshdOptions = {}): Promise<RunningSshd> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-sshd-'));
  for (const [name, type, passphrase] of [
    ['id', 'ed25519', ''],
    ['locked', 'ed25519', 'long words'],
    ['host_ed25519', 'ed25519', ''],
    ['host_rsa', 'rsa', ''],
  ] as const) {
    runTool('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-f', join(directory, name)]);
  }
  const authorized = join(directory, 'authorized_keys');
  await writeFile(
    authorized,
    `${await readFile(join(directory, 'id.pub'), 'utf8')}${await readFile(join(directory, 'locked.pub'), 'utf8')}`,
  );
  // sshd opens the file as the user who logs in.
  await chmod(directory, 0o711);
  await chmod(authorized, 0o644);
  // sshd's own directory for the separation of privileges; Debian makes it when the service starts.
  await mkdir('/run/sshd', { recursive: true });
  const port = await freePort();
  const config = join(directory, 'sshd_config');
  await writeFile(
    config,
    [
      ...settings,
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${join(directory, 'host_ed25519')}`,
      `HostKey ${join(directory, 'host_rsa')}`,
      `AuthorizedKeysFile ${authorized}`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      '',
    ].join('\n'),
  );
  const server = [SSHD, '-D', '-e', '-f', config];
  const [program = '', ...parameters] = account === undefined ? server : await withAccount(directory, account, server);
  const child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = `${said}${bytes.toString()}`.slice(-2000);
  });
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = new Error(`${SSHD} does not start (Debian package openssh-server): ${error.message}`);
  });
  await untilListening(
    port,
    () => failure ?? (child.exitCode === null ? undefined : new Error(`sshd ended with ${child.exitCode}: ${said}`)),
  );
  return {
    port,
    directory,
    stop: async () => {
      child.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const ACCOUNT_ID = 61_234;

const ENTER = `set -eu
cd "$1"
for name in passwd shadow group sudoers; do
  [ ! -e "$name" ] || mount --bind "$name" "/etc/$name"
done
mount -t tmpfs -o noexec,mode=0755 tmpfs /home
cp -r home "/home/$2"
chown -R "$3:$3" "/home/$2"
chmod 0700 "/home/$2"
mount --bind /tmp /tmp
mount -o remount,bind,noexec /tmp
umask 077
shift 3
exec "$@"
`;

/** The command that runs a server where the account exists (Debian packages util-linux, openssl). */
async function withAccount(directory: string, account: SshdAccount, server: readonly string[]): Promise<readonly string[]> {
  const { name, password, shell = '/bin/bash', bashrc = '', sudoers } = account;
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], { encoding: 'utf8', input: `${password}\n` }).trim();
  const files: readonly (readonly [string, string, number])[] = [
    ['passwd', `${await readFile('/etc/passwd', 'utf8')}${name}:x:${ACCOUNT_ID}:${ACCOUNT_ID}::/home/${name}:${shell}\n`, 0o644],
    ['group', `${await readFile('/etc/group', 'utf8')}${name}:x:${ACCOUNT_ID}:\n`, 0o644],
    ['shadow', `${await readFile('/etc/shadow', 'utf8')}${name}:${hash}:20000:0:99999:7:::\n`, 0o640],
    ...(sudoers === undefined ? [] : [['sudoers', sudoers, 0o440] as const]),
  ];
  for (const [file, content, mode] of files) await writeFile(join(directory, file), content, { mode });
  await mkdir(join(directory, 'home'));
  await writeFile(join(directory, 'home/.bashrc'), bashrc);
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', ENTER, 'sh', directory, name, `${ACCOUNT_ID}`, ...server];
}

/** Runs a tool of OpenSSH. Throws with the name of the Debian package when the tool is missing. */
export function runTool(
  tool: string,
  parameters: readonly string[],
  options: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): string {
  try {
    return execFileSync(tool, parameters, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'], ...options });
  } catch (error) {
    throw new Error(`${tool} failed (Debian package openssh-client)`, { cause: error });
  }
}

async function untilListening(port: number, failure: () => Error | undefined): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const failed = failure();
    if (failed !== undefined) throw failed;
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error(`nothing listens on port ${port}`);
}
