import { Client, type ServerHostKeyAlgorithm } from 'ssh2';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { fingerprintOf } from '../sshsig/index.ts';
import { interruption, wasAborted } from './command-guard.ts';
import { keyTypeOf, type KeyVerdict, type KnownHostKeys } from './known-hosts.ts';
import { describeMethods, methodsFor, type SshCredentials } from './ssh-credentials.ts';

/** Whom to trust: the keys of a known_hosts file, or one fingerprint (SHA256:…). There is no third choice. */
export type HostKeyTrust =
  | { readonly kind: 'known-hosts'; readonly file: string; readonly keys: KnownHostKeys }
  | { readonly kind: 'fingerprint'; readonly fingerprint: string };

export interface SshTarget {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly trust: HostKeyTrust;
  readonly credentials: SshCredentials;
  /** For the whole handshake, login included; 20 s by default. */
  readonly readyTimeoutMs?: number;
}

const READY_TIMEOUT_MS = 20_000;
const KEEPALIVE_MS = 15_000;
const KEEPALIVE_MISSES = 4;

/** By type of key: how the host may sign with it, best first. ssh-rsa means SHA-1 and is left out (RFC 8332). */
const SIGNATURES: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/**
 * Connects and logs in. Throws HOST_UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED or HOST_AUTH_FAILED, each with what to
 * do. A host key that is not trusted ends the connection before any credential is used.
 */
export async function connectSsh(target: SshTarget, signal?: AbortSignal): Promise<Client> {
  if (target.trust.kind === 'known-hosts') {
    const types = target.trust.keys.types.filter((type) => SIGNATURES[type] !== undefined);
    return attempt(target, types.length === 0 ? Object.keys(SIGNATURES) : types, signal);
  }
  return connectByFingerprint(target, signal);
}

/** A handshake shows one key, of a type that both sides agree on; the fingerprint may be that of another. */
async function connectByFingerprint(target: SshTarget, signal: AbortSignal | undefined): Promise<Client> {
  const families = [Object.keys(SIGNATURES), ...Object.keys(SIGNATURES).map((type) => [type])];
  let refused: unknown;
  for (const types of families) {
    try {
      return await attempt(target, types, signal);
    } catch (error) {
      if (!(error instanceof CaissonError) || error.code !== 'HOST_KEY_CHANGED') throw error;
      refused ??= error;
    }
  }
  throw refused;
}

async function attempt(target: SshTarget, keyTypes: readonly string[], signal: AbortSignal | undefined): Promise<Client> {
  if (wasAborted(signal)) throw interruption(target.name, 'the login', signal);
  const client = new Client();
  let shown: { readonly key: Buffer; readonly verdict: KeyVerdict } | undefined;
  const methods = methodsFor(target.user, target.credentials);
  const onAbort = (): void => {
    client.destroy();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', (error) => {
        // An agent that does not answer is one way of several; the others are still tried.
        if (!('level' in error && error.level === 'agent')) reject(error);
      });
      client.once('close', () => {
        reject(new Error('the host closed the connection'));
      });
      client.connect({
        host: target.address,
        port: target.port,
        username: target.user,
        authHandler: methods,
        readyTimeout: target.readyTimeoutMs ?? READY_TIMEOUT_MS,
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: KEEPALIVE_MISSES,
        algorithms: { serverHostKey: keyTypes.flatMap((type) => SIGNATURES[type] ?? []) },
        hostVerifier: (key: Buffer) => {
          shown = { key, verdict: judge(target.trust, key) };
          return shown.verdict === 'known';
        },
      });
    });
    return client;
  } catch (error) {
    client.destroy();
    if (wasAborted(signal)) throw interruption(target.name, 'the login', signal);
    throw explain(target, error, shown);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

function judge(trust: HostKeyTrust, key: Buffer): KeyVerdict {
  if (trust.kind === 'known-hosts') return trust.keys.judge(key);
  return fingerprintOf(key) === trust.fingerprint ? 'known' : 'changed';
}

function explain(
  target: SshTarget,
  error: unknown,
  shown: { readonly key: Buffer; readonly verdict: KeyVerdict } | undefined,
): CaissonError {
  const message = messageOf(error);
  if (shown !== undefined && shown.verdict !== 'known') return refuseKey(target, shown.key, shown.verdict);
  if (shown === undefined && message.includes('no matching host key format')) return refuseTypes(target, error);
  const level = typeof error === 'object' && error !== null && 'level' in error ? error.level : undefined;
  if (level === 'client-authentication' || (shown !== undefined && /authentication/i.test(message))) return refuseLogin(target, error);
  return new CaissonError('HOST_UNREACHABLE', `Cannot connect to "${target.name}" at ${endpoint(target)}: ${describeFailure(error)}`, {
    cause: error,
    hint: 'Check address and port of the node in cluster.yaml, and that sshd runs there',
  });
}

function refuseKey(target: SshTarget, key: Buffer, verdict: KeyVerdict): CaissonError {
  const type = keyTypeOf(key) ?? 'unknown';
  const fingerprint = fingerprintOf(key);
  const shows = `it shows the ${type} key ${fingerprint}`;
  const { trust } = target;
  const place = trust.kind === 'known-hosts' ? `"${trust.file}"` : `cluster.yaml has ${trust.fingerprint}`;
  if (verdict === 'unknown') {
    return new CaissonError(
      'HOST_KEY_UNKNOWN',
      `Cannot trust "${target.name}" at ${endpoint(target)}: ${shows}, which is not in ${place}`,
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

function describeFailure(error: unknown): string {
  switch (errnoOf(error)) {
    case 'ECONNREFUSED':
      return 'nothing listens there';
    case 'ETIMEDOUT':
      return 'it does not answer';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way to it';
    default:
      return messageOf(error).replace(/^Timed out while waiting for handshake$/, 'it does not answer as an SSH server');
  }
}

function endpoint({ address, port }: SshTarget): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
