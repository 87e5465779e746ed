import { createHash } from 'node:crypto';
import { utils } from 'ssh2';
import { WireReader } from './wire.ts';

/** Key types whose signatures are made and accepted here. */
const KEY_TYPES = ['ssh-ed25519', 'ssh-rsa'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

export interface PublicKey {
  readonly type: KeyType;
  /** As RFC 4253, section 6.6 encodes it. */
  readonly blob: Buffer;
  /** As `ssh-keygen -l` shows it: SHA256: and base64 without padding. */
  readonly fingerprint: string;
}

/** Kinds of key that OpenSSH has besides. They sign nothing here, and files of trust list them for other uses. */
const OTHER_TYPES: readonly string[] = [
  'ssh-dss',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
];

/** NIST SP 800-131A allows nothing shorter; ssh-keygen makes 3072. */
const RSA_LEAST_BITS = 2048;

/** Throws with the reason for a blob that is no key of a known type. */
export function publicKeyOf(blob: Buffer): PublicKey {
  const type = typeOf(blob);
  const known = KEY_TYPES.find((each) => each === type);
  if (known === undefined) throw new Error(`keys of type "${type}" are not supported (${KEY_TYPES.join(' and ')} are)`);
  const parsed = utils.parseKey(`${type} ${blob.toString('base64')}`);
  if (parsed instanceof Error) throw new Error(`its key is malformed: ${parsed.message}`, { cause: parsed });
  if (known === 'ssh-rsa') checkModulus(blob);
  return { type: known, blob, fingerprint: fingerprintOf(blob) };
}

/** Short keys can be forged, so they are refused for every signer. */
function checkModulus(blob: Buffer): void {
  const reader = new WireReader(blob);
  reader.string();
  reader.string();
  const modulus = reader.string();
  const bits = (modulus[0] === 0 ? modulus.byteLength - 1 : modulus.byteLength) * 8;
  if (bits < RSA_LEAST_BITS) throw new Error(`its RSA key has ${bits} bits, want at least ${RSA_LEAST_BITS}`);
}

/** The type that a key names; of bytes that are no key, the text that they begin with. */
function typeOf(blob: Buffer): string {
  return new WireReader(blob)
    .string()
    .toString('latin1')
    .replace(/[^\x21-\x7e]/g, '?')
    .slice(0, 64);
}

/** SHA256:… as `ssh-keygen -l` prints it: base64 without padding. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** True when the key made this signature; `hash` is of the signature algorithm. */
export function isSignedBy(key: PublicKey, data: Buffer, signature: Buffer, hash: 'sha256' | 'sha512' | undefined): boolean {
  const parsed = utils.parseKey(`${key.type} ${key.blob.toString('base64')}`);
  if (parsed instanceof Error) return false;
  return parsed.verify(data, signature, hash) === true;
}

/** `TYPE BASE64 [COMMENT]`, the form of .pub files. Throws with the reason. */
export function parsePublicKeyLine(line: string): { readonly key: PublicKey; readonly comment: string } {
  const [type = '', base64 = '', ...comment] = line.trim().split(/[ \t]+/);
  const blob = decodeBase64(base64);
  if (blob === undefined) throw new Error('its key is not base64');
  const key = publicKeyOf(blob);
  if (key.type !== type) throw new Error(`it says "${type}", and its key is of type "${key.type}"`);
  return { key, comment: comment.join(' ') };
}

/** True for the beginning of a key line of any type. */
export function isTypeOfKey(text: string): boolean {
  return OTHER_TYPES.includes(text) || KEY_TYPES.some((type) => type === text);
}

/** As parsePublicKeyLine; undefined for a key of another kind of OpenSSH, which nothing accepted here can be signed with. */
export function parseTrustedKeyLine(line: string): PublicKey | undefined {
  const [type = '', base64 = ''] = line.trim().split(/[ \t]+/);
  if (!isTypeOfKey(type)) throw new Error(`"${type.slice(0, 64)}" is no kind of public key`);
  if (!OTHER_TYPES.includes(type)) return parsePublicKeyLine(line).key;
  const blob = decodeBase64(base64);
  if (blob === undefined) throw new Error('its key is not base64');
  if (typeOf(blob) !== type) throw new Error(`it says "${type}", and its key is of type "${typeOf(blob)}"`);
  return undefined;
}

/** Strict: undefined unless encoding again gives the same text. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined;
}
