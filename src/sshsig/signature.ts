import { createHash } from 'node:crypto';
import { CaissonError, messageOf } from '../core/index.ts';
import { decodeBase64, isSignedBy, publicKeyOf, type PublicKey } from './public-key.ts';
import type { Signer } from './signer.ts';
import { WireReader, wireString } from './wire.ts';

/** The purpose of a signature: a signature for another purpose is never accepted. */
export type Namespace = 'caisson-bundle' | 'caisson-receipt';

/** A signature in the SSHSIG format (OpenSSH, PROTOCOL.sshsig), taken apart. */
export interface Signature {
  readonly key: PublicKey;
  readonly namespace: string;
  readonly hash: 'sha256' | 'sha512';
  readonly algorithm: string;
  readonly bytes: Buffer;
}

const MAGIC = 'SSHSIG';
const VERSION = 1;
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
const LINE = 70;
/** The signature algorithm of a key, as ssh-keygen chooses it (PROTOCOL.sshsig 3: RSA signatures are never with SHA-1). */
const ALGORITHMS: Readonly<Record<string, { readonly type: PublicKey['type']; readonly hash: 'sha256' | 'sha512' | undefined }>> = {
  'ssh-ed25519': { type: 'ssh-ed25519', hash: undefined },
  'rsa-sha2-256': { type: 'ssh-rsa', hash: 'sha256' },
  'rsa-sha2-512': { type: 'ssh-rsa', hash: 'sha512' },
};

/** The first line of every armored signature. */
export const SIGNATURE_BEGIN = `${BEGIN}\n`;
/** The last line of every armored signature. */
export const SIGNATURE_END = `${END}\n`;

/** Signs bytes as `ssh-keygen -Y sign -n NAMESPACE` does; the answer is the armored text. Throws SIGNING_FAILED. */
export async function signDetached(signer: Signer, namespace: Namespace, bytes: Uint8Array): Promise<string> {
  const { algorithm, signature } = await signer.sign(signedData({ namespace, hash: 'sha512' }, bytes));
  const version = Buffer.alloc(4);
  version.writeUInt32BE(VERSION);
  const parts = [signer.key.blob, namespace, '', 'sha512', Buffer.concat([wireString(algorithm), wireString(signature)])];
  return armor(Buffer.concat([Buffer.from(MAGIC), version, ...parts.map(wireString)]));
}

/**
 * Takes an armored signature apart. Strict: the armor must be the one that ssh-keygen writes, byte for byte, so that no
 * bit of it can change unseen. Throws SIGNATURE_INVALID; `what` names it in the message.
 */
export function parseSignature(armored: string, what: string): Signature {
  try {
    return readSignature(dearmor(armored));
  } catch (cause) {
    throw new CaissonError('SIGNATURE_INVALID', `Cannot use ${what}: ${messageOf(cause)}`, { cause });
  }
}

/** Throws SIGNATURE_INVALID unless the key in the signature signed exactly these bytes for this purpose. */
export function checkSignature(signature: Signature, namespace: Namespace, bytes: Uint8Array, what: string): void {
  const reason = problemOf(signature, namespace, bytes);
  if (reason !== undefined) throw new CaissonError('SIGNATURE_INVALID', `Cannot trust ${what}: ${reason}`);
}

function problemOf(signature: Signature, namespace: Namespace, bytes: Uint8Array): string | undefined {
  if (signature.namespace !== namespace) return `it is a signature for "${signature.namespace}", want "${namespace}"`;
  const { hash } = ALGORITHMS[signature.algorithm] ?? {};
  const isGood = isSignedBy(signature.key, signedData(signature, bytes), signature.bytes, hash);
  return isGood ? undefined : `key ${signature.key.fingerprint} did not sign these bytes`;
}

/** PROTOCOL.sshsig 2: the bytes that the key signs. */
function signedData({ namespace, hash }: Pick<Signature, 'namespace' | 'hash'>, bytes: Uint8Array): Buffer {
  const digest = createHash(hash).update(bytes).digest();
  return Buffer.concat([Buffer.from(MAGIC), wireString(namespace), wireString(''), wireString(hash), wireString(digest)]);
}

function readSignature(blob: Buffer): Signature {
  const reader = new WireReader(blob);
  if (reader.take(MAGIC.length).toString('latin1') !== MAGIC) throw new Error('it is no SSH signature');
  const version = reader.uint32();
  if (version !== VERSION) throw new Error(`it is of version ${version}, known is ${VERSION}`);
  const key = publicKeyOf(reader.string());
  const namespace = printable(reader.string());
  if (reader.string().byteLength > 0) throw new Error('its reserved field is not empty');
  const hash = printable(reader.string());
  if (hash !== 'sha256' && hash !== 'sha512') throw new Error(`it uses the hash "${hash}", known are sha256 and sha512`);
  const inner = new WireReader(reader.string());
  const algorithm = printable(inner.string());
  const bytes = inner.string();
  if (reader.rest > 0 || inner.rest > 0) throw new Error('bytes follow its end');
  if (ALGORITHMS[algorithm]?.type !== key.type) throw new Error(`it uses "${algorithm}", which is nothing for a key of type "${key.type}"`);
  return { key, namespace, hash, algorithm, bytes };
}

function printable(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  if (!/^[\x21-\x7e]{1,100}$/.test(text)) throw new Error('a name in it is empty or not printable');
  return text;
}

function armor(blob: Buffer): string {
  const lines = blob.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return `${[BEGIN, ...lines, END].join('\n')}\n`;
}

function dearmor(armored: string): Buffer {
  const lines = armored.split('\n');
  if (lines[0] !== BEGIN || lines.at(-1) !== '' || lines.at(-2) !== END) throw new Error(`it is not text between "${BEGIN}" and "${END}"`);
  const blob = decodeBase64(lines.slice(1, -2).join(''));
  if (blob === undefined || armor(blob) !== armored) throw new Error(`it is not base64 in lines of ${LINE}`);
  return blob;
}
