import type { Duplex } from 'node:stream';
import { Client, type ServerHostKeyAlgorithm } from 'ssh2';
import { CaissonError, messageOf } from '../core/index.ts';
import { fingerprintOf } from '../sshsig/index.ts';
import { interruption, wasAborted } from '../host/index.ts';
import { HostKeyUnknownError } from './host-key-unknown-error.ts';
import { explainConnectFailure } from './connect-failure.ts';
import { forwardTo, JumpHosts, type JumpLease } from './jump.ts';
import { keyTypeOf, type KeyVerdict, type KnownHostKeys } from './known-hosts.ts';
import { mendCertificateLogins } from './user-certificate.ts';
import { describeMethods, methodsFor, type SshCredentials } from './ssh-credentials.ts';

/** The trusted host keys: those of a known_hosts file, or one fingerprint (SHA256:…). There is no way to trust every key. */
export type HostKeyTrust =
  | {
      readonly kind: 'known-hosts';
      readonly file: string;
      readonly keys: KnownHostKeys;
      /** Resolves to true when an authority of the file certifies a key that the file does not contain. */
      readonly isCertified?: (key: Buffer, signal: AbortSignal | undefined) => Promise<boolean>;
    }
  | { readonly kind: 'fingerprint'; readonly fingerprint: string };

export interface SshTarget {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly trust: HostKeyTrust;
  readonly credentials: SshCredentials;
  /** Milliseconds for the whole handshake, including the login; 20 000 by default. */
  readonly readyTimeoutMs?: number;
  /** Jump hosts, the nearest first. */
  readonly jumps?: readonly SshTarget[];
}

export interface SshConnectOptions {
  readonly signal?: AbortSignal | undefined;
  /** Shared by hosts that are behind the same jump hosts. */
  readonly jumpHosts?: JumpHosts | undefined;
}

const READY_TIMEOUT_MS = 20_000;
const KEEPALIVE_MS = 15_000;
const KEEPALIVE_MISSES = 4;

/**
 * Signature algorithms that the host may use, by type of its key, the best first. ssh-rsa would mean SHA-1 and is left
 * out (RFC 8332).
 */
const SIGNATURES: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/**
 * Connects through the jump hosts and logs in. Throws HOST_UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED or
 * HOST_AUTH_FAILED, each with a hint, and INTERRUPTED when the signal fires. An untrusted host key ends the connection
 * before any credential is used. The key of a jump host is checked in the same way.
 */
export async function connectSsh(target: SshTarget, { signal, jumpHosts = new JumpHosts() }: SshConnectOptions = {}): Promise<Client> {
  const { jumps = [] } = target;
  const jump = jumps.at(-1);
  if (jump === undefined) return logIn(target, { signal });
  const lease = await leaseJump(target, jump, jumps.slice(0, -1), signal, jumpHosts);
  try {
    const client = await logIn(target, {
      signal,
      jump: endpoint(jump),
      open: () => forwardTo(lease.client, target.address, target.port, target.readyTimeoutMs ?? READY_TIMEOUT_MS),
    });
    client.once('close', () => lease.release());
    return client;
  } catch (error) {
    lease.release();
    throw error;
  }
}

async function leaseJump(
  target: SshTarget,
  jump: SshTarget,
  before: readonly SshTarget[],
  signal: AbortSignal | undefined,
  jumpHosts: JumpHosts,
): Promise<JumpLease> {
  const name = [...before, jump].map((hop) => `${hop.user}@${endpoint(hop)}`).join(',');
  try {
    return await jumpHosts.lease(name, async () => connectSsh({ ...jump, jumps: before }, { signal, jumpHosts }));
  } catch (error) {
    if (!(error instanceof CaissonError) || error.code === 'INTERRUPTED') throw error;
    throw new CaissonError(error.code, `Cannot reach "${target.name}" through "${jump.name}": ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** The origin of the stream to a host: this machine, or a jump host. */
interface Way {
  readonly signal: AbortSignal | undefined;
  readonly jump?: string;
  readonly open?: () => Promise<Duplex>;
}

async function logIn(target: SshTarget, way: Way): Promise<Client> {
  if (target.trust.kind === 'known-hosts') {
    const types = target.trust.keys.types.filter((type) => SIGNATURES[type] !== undefined);
    return attempt(target, types.length === 0 ? Object.keys(SIGNATURES) : types, way);
  }
  return logInByFingerprint(target, way);
}

/**
 * Tries key types one after the other. A handshake shows only one key, of a type that both sides support, and the
 * fingerprint may belong to another key of the host.
 */
async function logInByFingerprint(target: SshTarget, way: Way): Promise<Client> {
  const families = [Object.keys(SIGNATURES), ...Object.keys(SIGNATURES).map((type) => [type])];
  let refused: unknown;
  for (const types of families) {
    try {
      return await attempt(target, types, way);
    } catch (error) {
      if (!(error instanceof CaissonError) || error.code !== 'HOST_KEY_CHANGED') throw error;
      refused ??= error;
    }
  }
  throw refused;
}

/** The progress of one attempt to connect. */
interface Progress {
  connected: boolean;
  shown?: { readonly key: Buffer; readonly verdict: KeyVerdict };
}

async function attempt(target: SshTarget, keyTypes: readonly string[], { signal, jump, open }: Way): Promise<Client> {
  if (wasAborted(signal)) throw interruption(target.name, 'the login', signal);
  const client = new Client();
  const progress: Progress = { connected: false };
  const onAbort = (): void => {
    client.destroy();
    client.emit('close');
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const ready = untilReady(client, progress);
    if (target.credentials.identities.some(({ certificates = [] }) => certificates.length > 0)) mendCertificateLogins(client);
    const stream = open === undefined ? undefined : await Promise.race([open(), ready]);
    client.connect({
      ...(stream === undefined ? { host: target.address, port: target.port } : { sock: stream }),
      username: target.user,
      authHandler: methodsFor(target.user, target.credentials),
      readyTimeout: target.readyTimeoutMs ?? READY_TIMEOUT_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_MISSES,
      algorithms: { serverHostKey: keyTypes.flatMap((type) => SIGNATURES[type] ?? []) },
      hostVerifier: (key: Buffer, verify: (trusted: boolean) => void) => {
        const decide = (verdict: KeyVerdict): void => {
          progress.shown = { key, verdict };
          verify(verdict === 'known');
        };
        judge(target.trust, key, signal).then(decide, (error: unknown) => client.emit('error', toError(error)));
      },
    });
    await ready;
    return client;
  } catch (error) {
    client.destroy();
    if (wasAborted(signal)) throw interruption(target.name, 'the login', signal);
    throw explain(target, error, progress, jump);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function untilReady(client: Client, progress: Progress): Promise<undefined> {
  const ready = new Promise<undefined>((resolve, reject) => {
    client.once('connect', () => {
      progress.connected = true;
      // Commands are short writes that wait for an answer: Nagle's algorithm would hold each back for 40 ms.
      client.setNoDelay(true);
    });
    client.once('ready', () => resolve(undefined));
    client.on('error', (error) => {
      // An agent that does not answer is only one way to log in; the others are still tried.
      if (!('level' in error && error.level === 'agent')) reject(error);
    });
    client.once('close', () => {
      reject(new Error('the host closed the connection'));
    });
  });
  // The promise is awaited later. Until then a rejection must not count as unhandled.
  ready.catch(() => {});
  return ready;
}

async function judge(trust: HostKeyTrust, key: Buffer, signal: AbortSignal | undefined): Promise<KeyVerdict> {
  if (trust.kind === 'fingerprint') return fingerprintOf(key) === trust.fingerprint ? 'known' : 'changed';
  const verdict = trust.keys.judge(key);
  return verdict === 'unknown' && (await trust.isCertified?.(key, signal)) === true ? 'known' : verdict;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function explain(target: SshTarget, error: unknown, { connected, shown }: Progress, jump: string | undefined): CaissonError {
  const message = messageOf(error);
  if (shown !== undefined && shown.verdict !== 'known') return refuseKey(target, shown.key, shown.verdict);
  if (shown === undefined && message.includes('no matching host key format')) return refuseTypes(target, error);
  const level = typeof error === 'object' && error !== null && 'level' in error ? error.level : undefined;
  if (level === 'client-authentication' || (shown !== undefined && /authentication/i.test(message))) return refuseLogin(target, error);
  const { address, port, readyTimeoutMs: timeoutMs = READY_TIMEOUT_MS } = target;
  const { reason, hint } = explainConnectFailure({ address, port, error, connected, timeoutMs, jump });
  return new CaissonError('HOST_UNREACHABLE', `Cannot connect to "${target.name}" at ${endpoint(target)}: ${reason}`, {
    cause: error,
    hint,
  });
}

function refuseKey(target: SshTarget, key: Buffer, verdict: KeyVerdict): CaissonError {
  const type = keyTypeOf(key) ?? 'unknown';
  const fingerprint = fingerprintOf(key);
  const shows = `it shows the ${type} key ${fingerprint}`;
  const { trust } = target;
  const place = trust.kind === 'known-hosts' ? `"${trust.file}"` : `cluster.yaml has ${trust.fingerprint}`;
  if (verdict === 'unknown') {
    const certified = trust.kind === 'known-hosts' && trust.keys.authorities.length > 0 ? ', and none of its authorities certifies it' : '';
    return new HostKeyUnknownError(
      { host: target.name, fingerprint, keyType: type },
      `Cannot trust "${target.name}" at ${endpoint(target)}: ${shows}, which is not in ${place}${certified}`,
      {
        hint: compareHint(target),
      },
    );
  }
  const reason =
    trust.kind === 'fingerprint' ? `${shows}, ${place}` : `${shows}, ${place} ${verdict === 'revoked' ? 'revokes it' : 'has another'}`;
  return new CaissonError('HOST_KEY_CHANGED', `Cannot trust "${target.name}" at ${endpoint(target)}: ${reason}`, {
    hint: 'Find out whether the host was installed anew or another machine answers in its place, before you replace the key',
  });
}

function refuseTypes(target: SshTarget, cause: unknown): CaissonError {
  const wanted =
    target.trust.kind === 'known-hosts'
      ? `of the types in "${target.trust.file}" (${target.trust.keys.types.join(', ')})`
      : 'of a type that is accepted';
  return new CaissonError('HOST_KEY_CHANGED', `Cannot trust "${target.name}" at ${endpoint(target)}: it has no key ${wanted}`, {
    cause,
    hint: compareHint(target),
  });
}

function compareHint({ trust, address, port }: SshTarget): string {
  const file = trust.kind === 'known-hosts' ? trust.file : 'known_hosts';
  const scan = port === 22 ? `ssh-keyscan ${address}` : `ssh-keyscan -p ${port} ${address}`;
  return [
    `Compare, on the host's own console: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf "$f"; done`,
    `and here: ${scan} > scanned && ssh-keygen -lf scanned`,
    `When they are the same, add it: cat scanned >> ${file}`,
  ].join('\n');
}

function refuseLogin(target: SshTarget, cause: unknown): CaissonError {
  const tried = describeMethods(target.credentials);
  return new CaissonError(
    'HOST_AUTH_FAILED',
    `Cannot log in to "${target.name}" as "${target.user}" at ${endpoint(target)}: ${tried === '' ? 'there is nothing to log in with' : `the host refused ${tried}`}`,
    { cause, hint: 'Set ssh.identityFile, ssh.agent or ssh.passwordFile in cluster.yaml, or ssh-copy-id the key to the host' },
  );
}

function endpoint({ address, port }: SshTarget): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
