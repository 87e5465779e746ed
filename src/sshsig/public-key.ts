import { createHash } from 'node:crypto';
import { utils } from 'ssh2';
import { WireReader } from './wire.ts';

/** Key types whose signatures are made and accepted here. */
export const KEY_TYPES = ['ssh-ed25519', 'ssh-rsa'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

export interface PublicKey {
  readonly type: KeyType;
  /** As RFC 4253, section 6.6 encodes it. */
  readonly blob: Buffer;
  /** As `ssh-keygen -l` shows it: SHA256: and base64 without padding. */
  readonly fingerprint: string;
}

/** Throws with the reason for a blob that is no key of a known type. */
export function publicKeyOf(blob: Buffer): PublicKey {
  const type = typeOf(blob);
  const known = KEY_TYPES.find((each) => each === type);
  if (known === undefined) throw new Error(`keys of type "${type}" are not supported (${KEY_TYPES.join(' and ')} are)`);
  const parsed = utils.parseKey(`${type} ${blob.toString('base64')}`);
  if (parsed instanceof Error) throw new Error(`its key is malformed: ${parsed.message}`, { cause: parsed });
  return { type: known, blob, fingerprint: fingerprintOf(blob) };
}

/** The type that a key says it has; of bytes that are no key, whatever they begin with. */
function typeOf(blob: Buffer): string {
  return new WireReader(blob)
    .string()
    .toString('latin1')
    .replace(/[^\x21-\x7e]/g, '?')
    .slice(0, 64);
}

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

/** Strict: undefined unless encoding again gives the same text. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined;
}
