import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { utils } from 'ssh2';
import { CaissonError, errnoOf } from '../core/index.ts';
import { readPasswordFile, readSecretFile } from '../io/index.ts';
import type { Host } from './host.ts';
import { knownKeysOf } from './known-hosts.ts';
import { openLocalHost } from './local-host.ts';
import type { HostKeyTrust } from './ssh-connection.ts';
import type { SshCredentials, SshIdentity } from './ssh-credentials.ts';
import { openSshHost } from './ssh-host.ts';

/** How to log in, as cluster.yaml says it. Paths may begin with ~/ or be relative to the directory of cluster.yaml. */
export interface SshLogin {
  readonly user: string;
  readonly port: number;
  readonly identityFile?: string | undefined;
  readonly passphraseFile?: string | undefined;
  readonly agent: boolean;
  readonly passwordFile?: string | undefined;
  readonly sudoPasswordFile?: string | undefined;
  readonly knownHosts: string;
}

export interface HostToConnect {
  readonly name: string;
  readonly address: string;
  readonly ssh?:
    { readonly user?: string | undefined; readonly port?: number | undefined; readonly hostKey?: string | undefined } | undefined;
}

export interface ConnectOptions {
  /** Home directory of the user, for ~/. */
  readonly home: string;
  /** Directory of cluster.yaml, for relative paths. */
  readonly directory: string;
  /** Value of SSH_AUTH_SOCK. */
  readonly agentSocket?: string | undefined;
  readonly signal?: AbortSignal;
}

const USUAL_IDENTITIES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * Connects to a declared host: without SSH when its address is one of this machine's own, else over SSH with the host key
 * checked. Throws what openSshHost throws, INPUT_UNREADABLE and SECRET_EXPOSED for files that ssh names, and
 * HOST_NOT_ROOT when this machine is a node but the process is not root.
 */
export async function connectHost(node: HostToConnect, ssh: SshLogin, options: ConnectOptions): Promise<Host> {
  if (isOwnAddress(node.address)) return connectLocally(node);
  const locate = (path: string): string => locateFile(path, options);
  const port = node.ssh?.port ?? ssh.port;
  const sudoPassword = ssh.sudoPasswordFile === undefined ? undefined : await readPasswordFile(locate(ssh.sudoPasswordFile));
  return openSshHost({
    target: {
      name: node.name,
      address: node.address,
      port,
      user: node.ssh?.user ?? ssh.user,
      trust: await trustFor(node, port, locate(ssh.knownHosts)),
      credentials: await credentialsFor(ssh, options, locate),
    },
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** True for loopback and for every address of this machine's interfaces. */
export function isOwnAddress(address: string): boolean {
  const wanted = ipaddr.process(address);
  if (wanted.range() === 'loopback') return true;
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  // Link-local addresses carry a zone; what stands before it is the address.
  return own.some((entry) => ipaddr.process(entry.address.split('%')[0] ?? '').toString() === wanted.toString());
}

function connectLocally(node: HostToConnect): Host {
  if (process.getuid?.() !== 0) {
    throw new CaissonError('HOST_NOT_ROOT', `Cannot work on "${node.name}": it is this machine, and this process is not root`, {
      hint: 'Run the same command with sudo',
    });
  }
  return openLocalHost(node);
}

async function trustFor(node: HostToConnect, port: number, file: string): Promise<HostKeyTrust> {
  const fingerprint = node.ssh?.hostKey;
  if (fingerprint !== undefined) return { kind: 'fingerprint', fingerprint };
  return { kind: 'known-hosts', file, keys: knownKeysOf((await readOptional(file)) ?? '', node.address, port) };
}

async function credentialsFor(ssh: SshLogin, options: ConnectOptions, locate: (path: string) => string): Promise<SshCredentials> {
  const passphrase = ssh.passphraseFile === undefined ? undefined : await readPasswordFile(locate(ssh.passphraseFile));
  const password = ssh.passwordFile === undefined ? undefined : await readPasswordFile(locate(ssh.passwordFile));
  return {
    identities: await identitiesFor(ssh, options, locate, passphrase),
    ...(ssh.agent && options.agentSocket !== undefined && options.agentSocket !== '' ? { agentSocket: options.agentSocket } : {}),
    ...(password === undefined ? {} : { password }),
  };
}

async function identitiesFor(
  ssh: SshLogin,
  options: ConnectOptions,
  locate: (path: string) => string,
  passphrase: string | undefined,
): Promise<readonly SshIdentity[]> {
  if (ssh.identityFile !== undefined) {
    const file = locate(ssh.identityFile);
    const identity = { file, key: await readSecretFile(file), ...(passphrase === undefined ? {} : { passphrase }) };
    return [checkIdentity(identity)];
  }
  const identities: SshIdentity[] = [];
  for (const name of USUAL_IDENTITIES) {
    const file = join(options.home, '.ssh', name);
    if ((await readOptional(file)) === undefined) continue;
    const identity = { file, key: await readSecretFile(file), ...(passphrase === undefined ? {} : { passphrase }) };
    // A usual key that has a passphrase we do not know is for the agent to use.
    if (isUsable(identity)) identities.push(identity);
  }
  return identities;
}

function checkIdentity(identity: SshIdentity): SshIdentity {
  const parsed = utils.parseKey(identity.key, identity.passphrase);
  if (!(parsed instanceof Error)) return identity;
  const encrypted = /passphrase|encrypted|integrity/i.test(parsed.message);
  throw new CaissonError('HOST_AUTH_FAILED', `Cannot use the key "${identity.file}": ${parsed.message}`, {
    cause: parsed,
    ...(encrypted ? { hint: 'Set ssh.passphraseFile in cluster.yaml, or ssh-add the key to an agent and leave ssh.identityFile out' } : {}),
  });
}

function isUsable(identity: SshIdentity): boolean {
  return !(utils.parseKey(identity.key, identity.passphrase) instanceof Error);
}

function locateFile(path: string, { home, directory }: ConnectOptions): string {
  if (path === '~') return home;
  if (path.startsWith('~/')) return join(home, path.slice(2));
  return isAbsolute(path) ? path : resolve(directory, path);
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${errnoOf(error) ?? 'unknown reason'}`, { cause: error });
  }
}
