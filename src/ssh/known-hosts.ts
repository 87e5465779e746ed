import { createHmac, timingSafeEqual } from 'node:crypto';
import { matchesPatterns } from '../sshsig/index.ts';

/** The result of looking up a host key in a known_hosts file. */
export type KeyVerdict = 'known' | 'unknown' | 'changed' | 'revoked';

/** The lines of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) that are about one host. */
export interface KnownHostKeys {
  /** Types of the known keys, such as ssh-ed25519. The client asks the host for one of these. */
  readonly types: readonly string[];
  /** Keys of the `@cert-authority` lines. Keys that they certify are trusted. */
  readonly authorities: readonly Buffer[];
  judge(key: Buffer): KeyVerdict;
}

interface KnownHostLine {
  readonly marker: string | undefined;
  readonly type: string;
  readonly key: Buffer;
}

/** Most lines that are read. A site has far fewer hosts. */
const MAX_LINES = 100_000;

/**
 * Returns the keys of a host. Understands plain, wildcard, negated and hashed names, `[host]:port`, several keys for
 * one host, `@revoked` and `@cert-authority`. Skips malformed lines, as OpenSSH does. Lines of authorities may name the
 * host without its port.
 */
export function knownKeysOf(text: string, host: string, port: number): KnownHostKeys {
  const name = (port === 22 ? host : `[${host}]:${port}`).toLowerCase();
  const lines = text.split('\n', MAX_LINES).flatMap((line) => parseLine(line, name, host.toLowerCase()));
  const revoked = lines.filter(({ marker }) => marker === '@revoked');
  const trusted = lines.filter(({ marker }) => marker === undefined);
  const authorities = lines.filter(({ marker, key }) => marker === '@cert-authority' && !revoked.some((line) => line.key.equals(key)));
  return {
    authorities: authorities.map(({ key }) => key),
    types: [...new Set(trusted.map((line) => line.type))],
    judge: (key) => {
      if (revoked.some((line) => line.key.equals(key))) return 'revoked';
      if (trusted.some((line) => line.key.equals(key))) return 'known';
      return trusted.length === 0 ? 'unknown' : 'changed';
    },
  };
}

/** Returns the type of a public key, which is its first field (RFC 4253 section 6.6); undefined for malformed bytes. */
export function keyTypeOf(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  return length > 0 && length <= 64 && key.length >= 4 + length ? key.toString('latin1', 4, 4 + length) : undefined;
}

function parseLine(line: string, name: string, host: string): KnownHostLine[] {
  const words = line.trim().split(/\s+/);
  const marker = words[0]?.startsWith('@') === true ? words.shift() : undefined;
  const [names, type, base64] = words;
  if (names === undefined || names.startsWith('#') || type === undefined || base64 === undefined) return [];
  if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') return [];
  if (!matchesNames(names, name) && !(marker === '@cert-authority' && matchesNames(names, host))) return [];
  const key = Buffer.from(base64, 'base64');
  return keyTypeOf(key) === type ? [{ marker, type, key }] : [];
}

function matchesNames(names: string, name: string): boolean {
  if (names.startsWith('|')) return matchesHash(names, name);
  return matchesPatterns(name, names.toLowerCase());
}

/** Compares a name with |1|salt|HMAC-SHA1(salt, name). */
function matchesHash(names: string, name: string): boolean {
  const [, version, salt, hash] = names.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  const wanted = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return wanted.length === actual.length && timingSafeEqual(wanted, actual);
}
