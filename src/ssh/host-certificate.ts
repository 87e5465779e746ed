import { utils } from 'ssh2';
import { matchesPatterns, WireReader, wireString } from '../sshsig/index.ts';
import { openLocalHost } from '../host/index.ts';

const SUFFIX = '-cert-v01@openssh.com';

/** Number of fields in a public key after its type (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4). */
const KEY_FIELDS: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};

/** SSH_CERT_TYPE_HOST, the type of a host certificate. */
const HOST = 2;

/** Hash by signature algorithm, for algorithms whose key type does not decide it. */
const HASHES: Readonly<Record<string, 'sha256' | 'sha512'>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };

export interface CertifiedKey {
  /** The key that the host presented. */
  readonly key: Buffer;
  /** The name that the certificate must contain. */
  readonly host: string;
  /** Keys of the `@cert-authority` lines for that name. */
  readonly authorities: readonly Buffer[];
  readonly now: Date;
}

/**
 * True when the certificate is valid now and one of the authorities certifies with it that the key belongs to the host
 * (OpenSSH, PROTOCOL.certkeys). ssh2 cannot negotiate certificates in a handshake. The handshake proves only that the
 * host has the key; this check tells whether the key is that of the host.
 */
export function isCertified(certificate: Buffer, wanted: CertifiedKey): boolean {
  try {
    return check(certificate, wanted);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function check(certificate: Buffer, { key, host, authorities, now }: CertifiedKey): boolean {
  const reader = new WireReader(certificate);
  const type = reader.string().toString('latin1').replace(SUFFIX, '');
  reader.string();
  const fields = Array.from({ length: KEY_FIELDS[type] ?? 0 }, () => reader.string());
  if (fields.length === 0 || !Buffer.concat([type, ...fields].map(wireString)).equals(key)) return false;
  reader.uint64();
  if (reader.uint32() !== HOST) return false;
  reader.string();
  const principals = listIn(reader.string());
  const [from, until] = [reader.uint64(), reader.uint64()];
  const critical = reader.string();
  reader.string();
  reader.string();
  const authority = reader.string();
  const signed = certificate.subarray(0, certificate.length - reader.rest);
  const signature = reader.string();
  const seconds = BigInt(Math.floor(now.getTime() / 1000));
  return (
    reader.rest === 0 &&
    from <= seconds &&
    seconds < until &&
    // A critical option that is not understood makes a certificate invalid. None is defined for host certificates.
    critical.length === 0 &&
    principals.some((principal) => matchesPatterns(host.toLowerCase(), principal.toLowerCase())) &&
    authorities.some((trusted) => trusted.equals(authority)) &&
    isSigned(authority, signed, signature)
  );
}

function listIn(bytes: Buffer): readonly string[] {
  const reader = new WireReader(bytes);
  const list: string[] = [];
  while (reader.rest > 0) list.push(reader.string().toString('utf8'));
  return list;
}

function isSigned(authority: Buffer, signed: Buffer, signature: Buffer): boolean {
  const type = new WireReader(authority).string().toString('latin1');
  const parsed = utils.parseKey(`${type} ${authority.toString('base64')}`);
  if (parsed instanceof Error) return false;
  const reader = new WireReader(signature);
  const algorithm = reader.string().toString('latin1');
  const value = reader.string();
  if (type === 'ssh-rsa' ? HASHES[algorithm] === undefined : algorithm !== type) return false;
  const verified: unknown = parsed.verify(signed, type.startsWith('ecdsa-') ? toDer(value) : value, HASHES[algorithm]);
  return verified === true;
}

/** Converts an ECDSA signature from the two integers of RFC 5656 section 3.1.2 to DER, which ssh2 verifies. */
function toDer(signature: Buffer): Buffer {
  const reader = new WireReader(signature);
  const integers = [reader.string(), reader.string()].map((value) => Buffer.concat([Buffer.from([0x02, value.length]), value]));
  const body = Buffer.concat(integers);
  const head = body.length > 0x7f ? [0x30, 0x81, body.length] : [0x30, body.length];
  return Buffer.concat([Buffer.from(head), body]);
}

/**
 * Returns the certificates of a host, which it sends to any client. Empty when ssh-keyscan is missing on this machine
 * or gets no answer.
 */
export async function scanHostCertificates(address: string, port: number, signal?: AbortSignal): Promise<readonly Buffer[]> {
  const command = { argv: ['ssh-keyscan', '-c', '-T', '10', '-p', `${port}`, '--', address] };
  const { stdout } = await openLocalHost({ name: 'this machine' }).run(command, signal === undefined ? {} : { signal });
  return stdout.split('\n').flatMap((line) => {
    // Some versions of ssh-keyscan print the host first, others do not.
    const words = line.split(' ');
    const type = words.findIndex((word) => word.endsWith(SUFFIX));
    return type === -1 ? [] : [Buffer.from(words[type + 1] ?? '', 'base64')];
  });
}
