import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import ssh2, { type AuthContext, type Connection, type KeyboardAuthContext, type ServerChannel } from 'ssh2';

const { Server, utils } = ssh2;

/** A key pair in OpenSSH's formats. */
export interface KeyPair {
  readonly private: string;
  /** `type base64` */
  readonly public: string;
}

export function makeKey(type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519', passphrase?: string): KeyPair {
  const options = {
    ...(type === 'rsa' ? { bits: 2048 } : type === 'ecdsa' ? { bits: 256 } : {}),
    ...(passphrase === undefined ? {} : { passphrase, cipher: 'aes256-ctr', rounds: 4 }),
  };
  const make: (type: string, options: object) => KeyPair = utils.generateKeyPairSync;
  for (;;) {
    const made = make(type, options);
    // ssh2 1.17 writes about 1 of 200 Ed25519 keys in a form that it cannot read itself.
    if (!(utils.parseKey(made.private, passphrase) instanceof Error)) return made;
  }
}

export interface SshServerOptions {
  readonly hostKeys?: readonly KeyPair[];
  readonly user?: string;
  /** Public keys that may log in. */
  readonly authorized?: readonly KeyPair[];
  readonly password?: string;
  /** Accepts a password only through keyboard-interactive, as PAM does. */
  readonly interactive?: boolean;
  /** Put in front of PATH, for programs that replace real ones such as sudo. */
  readonly path?: string;
  /** Commands that the login shell runs before every command, as those of .bashrc. */
  readonly profile?: string;
  /** Most sessions at the same time. Further ones are refused, as by sshd's MaxSessions. */
  readonly maxSessions?: number;
}

export interface SshServer {
  readonly port: number;
  readonly hostKeys: readonly KeyPair[];
  /** Command lines as the shell got them. */
  readonly commands: readonly string[];
  /** Largest number of sessions that were open at the same time. */
  readonly peakSessions: number;
  /** Largest number of connections that were open at the same time. */
  readonly peakConnections: number;
  /** Breaks every connection at the same time, as a cut cable does. */
  dropConnections(): void;
  stop(): Promise<void>;
}

/** A real SSH server on 127.0.0.1 that runs commands of one user with /bin/sh. */
export async function startSshServer(options: SshServerOptions = {}): Promise<SshServer> {
  const { hostKeys = [makeKey()], user = 'root', maxSessions = 10 } = options;
  const commands: string[] = [];
  const connections = new Set<Connection>();
  let sessions = 0;
  let peak = 0;
  let peakConnections = 0;
  const server = new Server({ hostKeys: hostKeys.map((key) => key.private) }, (connection) => {
    connections.add(connection);
    peakConnections = Math.max(peakConnections, connections.size);
    connection.on('authentication', (context) => {
      if (context.username === user && context.method === 'keyboard-interactive' && options.interactive === true)
        ask(context, options.password);
      else if (context.username === user && mayEnter(context, options)) context.accept();
      else context.reject(options.interactive === true ? ['keyboard-interactive'] : ['publickey', 'password']);
    });
    connection.on('session', (accept, reject) => {
      if (sessions >= maxSessions) {
        reject();
        return;
      }
      sessions += 1;
      peak = Math.max(peak, sessions);
      const session = accept();
      session.on('close', () => {
        sessions -= 1;
      });
      session.on('exec', (acceptExec, _rejectExec, { command }) => {
        commands.push(command);
        runIn(acceptExec(), `${options.profile ?? ''}\n${command}`, options.path);
      });
    });
    connection.on('close', () => connections.delete(connection));
    connection.on('error', () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on a port has an address of this shape.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    hostKeys,
    commands,
    get peakSessions() {
      return peak;
    },
    get peakConnections() {
      return peakConnections;
    },
    dropConnections: () => {
      for (const connection of connections) connection.end();
    },
    stop: async () => {
      for (const connection of connections) connection.end();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function mayEnter(context: AuthContext, { authorized = [], password, interactive = false }: SshServerOptions): boolean {
  if (context.method === 'publickey') {
    const known = authorized.some((key) => key.public.split(' ')[1] === context.key.data.toString('base64'));
    if (!known || context.signature === undefined || context.blob === undefined) return known;
    const parsed = utils.parseKey(`${context.key.algo} ${context.key.data.toString('base64')}`);
    // The typings promise a boolean; it may be an Error as well.
    const valid: unknown = parsed instanceof Error ? false : parsed.verify(context.blob, context.signature, context.hashAlgo);
    return valid === true;
  }
  if (context.method === 'password') return !interactive && password !== undefined && context.password === password;
  return false;
}

function ask(context: KeyboardAuthContext, password: string | undefined): void {
  context.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
    if (password !== undefined && answers[0] === password) context.accept();
    else context.reject();
  });
}

function runIn(channel: ServerChannel, command: string, path: string | undefined): void {
  const env = { ...process.env, ...(path === undefined ? {} : { PATH: `${path}:${process.env['PATH'] ?? ''}` }) };
  // A session of its own without a controlling terminal, as sshd does.
  const child = spawn('/bin/sh', ['-c', command], { env, stdio: 'pipe', detached: true });
  channel.on('close', () => child.kill('SIGKILL'));
  channel.on('error', () => {});
  child.stdin.on('error', () => {});
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.on('close', (code, signal) => {
    if (signal === null) channel.exit(code ?? 0);
    else channel.exit(signal.replace('SIG', ''), false, '');
    // Ends the session when the program ends, even with unread output, as sshd does.
    channel.close();
  });
}
