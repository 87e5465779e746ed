import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SSHD = '/usr/sbin/sshd';

export interface RunningSshd {
  readonly port: number;
  /** Holds id (and id.pub), locked (with the passphrase `long words`), and the host keys host_ed25519 and host_rsa. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** OpenSSH's own server on a loopback port, with its own keys and configuration; root may log in with `id` and `locked`. */
export async function startSshd(): Promise<RunningSshd> {
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
  await chmod(authorized, 0o600);
  // sshd's own directory for the separation of privileges; Debian makes it when the service starts.
  await mkdir('/run/sshd', { recursive: true });
  const port = await freePort();
  const config = join(directory, 'sshd_config');
  await writeFile(
    config,
    [
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
  const child = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: 'ignore' });
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = new Error(`${SSHD} does not start (Debian package openssh-server): ${error.message}`);
  });
  await untilListening(port, () => failure ?? (child.exitCode === null ? undefined : new Error(`sshd ended with ${child.exitCode}`)));
  return {
    port,
    directory,
    stop: async () => {
      child.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Runs a tool of OpenSSH; says which Debian package has it. */
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on a port has an address of this shape.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
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
