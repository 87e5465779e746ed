import { createReadStream } from 'node:fs';
import { CaissonError, messageOf } from '../../core/index.ts';
import { readLimited } from '../../io/index.ts';
import {
  checkSignature,
  findSigner,
  parseAllowedSigners,
  parseRevokedKeys,
  parseSignature,
  signDetached,
  type AllowedSigner,
  type IsRevoked,
  type Signer,
} from '../../sshsig/index.ts';
import type { Finding } from '../format/bundle-errors.ts';
import type { BundleReader } from '../read/reader.ts';

const NAMESPACE = 'caisson-bundle';
const RECEIPT_NAMESPACE = 'caisson-receipt';

/** Whose signatures count. */
export interface Trust {
  readonly signers: readonly AllowedSigner[];
  readonly isRevoked: IsRevoked;
  /** When: a signer may be allowed for a time only. */
  readonly at: Date;
}

/** Files that say whose signatures count. */
export interface TrustFiles {
  readonly allowedSigners: string;
  readonly revokedKeys?: string | undefined;
}

const TRUST_FILE_LIMIT = 64 * 1024 * 1024;

/** Throws INPUT_UNREADABLE, and INPUT_INVALID with every mistake and its line. */
export async function readTrust({ allowedSigners, revokedKeys }: TrustFiles, at: Date): Promise<Trust> {
  const signers = parseAllowedSigners((await readTrustFile(allowedSigners)).toString('utf8'), allowedSigners);
  const isRevoked = revokedKeys === undefined ? () => false : parseRevokedKeys(await readTrustFile(revokedKeys), revokedKeys);
  return { signers, isRevoked, at };
}

async function readTrustFile(path: string): Promise<Buffer> {
  try {
    return await readLimited(createReadStream(path), TRUST_FILE_LIMIT, `"${path}"`);
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${messageOf(cause)}`, { cause });
  }
}

/** A signature that is one of this bundle's SHA256SUMS, made by the key it names. */
export interface BundleSignature {
  /** Path of the member. */
  readonly member: string;
  /** SHA256:… as ssh-keygen shows it. */
  readonly fingerprint: string;
  readonly keyType: string;
  /** `unknown` when no trust was given, or the key belongs to no allowed signer. */
  readonly signer: 'allowed' | 'revoked' | 'unknown';
  /** Principals of the allowed signer, as the file has them. */
  readonly principals: string | undefined;
  /** Where the allowed signers name the key, as FILE:LINE. */
  readonly place?: string;
}

export interface SignatureCheck {
  readonly signatures: readonly BundleSignature[];
  /** One finding for each signature that is not valid. */
  readonly findings: readonly Finding[];
}

/** Checks each signature against the bytes of SHA256SUMS and looks up its signer. */
export function checkSignatures(
  members: readonly { readonly path: string; readonly content: Uint8Array }[],
  sums: Uint8Array,
  trust: Trust | undefined,
): SignatureCheck {
  const signatures: BundleSignature[] = [];
  const findings: Finding[] = [];
  for (const { path, content } of members) {
    try {
      const signature = parseSignature(Buffer.from(content).toString('latin1'), path);
      checkSignature(signature, NAMESPACE, sums, path);
      signatures.push({
        member: path,
        fingerprint: signature.key.fingerprint,
        keyType: signature.key.type,
        ...signerOf(signature.key, trust),
      });
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      findings.push({ member: path, reason: `it is no signature of this bundle: ${messageOf(error).replace(/^Cannot [^:]*: /, '')}` });
    }
  }
  return { signatures, findings };
}

function signerOf(
  key: Parameters<IsRevoked>[0],
  trust: Trust | undefined,
  namespace = NAMESPACE,
): Pick<BundleSignature, 'signer' | 'principals' | 'place'> {
  if (trust === undefined) return { signer: 'unknown', principals: undefined };
  const found = findSigner(trust.signers, { key, namespace, at: trust.at });
  const named = found === undefined ? { principals: undefined } : { principals: found.principals, place: found.place };
  if (trust.isRevoked(key)) return { signer: 'revoked', ...named };
  return { signer: found === undefined ? 'unknown' : 'allowed', ...named };
}

/**
 * The error that says why a bundle with these signatures is not trusted; undefined when an allowed signer signed it. One
 * valid signature is enough, so that keys can be rotated.
 */
export function distrustOf(path: string, signatures: readonly BundleSignature[]): CaissonError | undefined {
  if (signatures.some(({ signer }) => signer === 'allowed')) return undefined;
  if (signatures.length === 0) {
    return new CaissonError('SIGNATURE_MISSING', `Cannot trust "${path}": it is not signed`, {
      hint: 'Ask who built it for a signed one (build-bundle --sign-key, or caisson sign)',
    });
  }
  const names = signatures
    .map(({ fingerprint, signer }) => `${fingerprint}${signer === 'revoked' ? ', which is revoked' : ''}`)
    .join(' and ');
  return new CaissonError('SIGNER_UNKNOWN', `Cannot trust "${path}": no allowed signer signed it, only ${names}`, {
    hint: 'Compare the key with the one that its owner publishes; then add it to the allowed signers',
  });
}

/** Who signed, for people: the name and the line of the allowed signers, or the key and the member that has the signature. */
export function describeSignature({ fingerprint, signer, principals, place, member }: BundleSignature): string {
  if (signer === 'allowed') return `signed by ${fingerprint} (${principals}), allowed by ${place}`;
  return `signed by ${fingerprint} in ${member}${signer === 'revoked' ? ', which is revoked' : ', which nobody vouched for'}`;
}

/**
 * Gives the signatures of the open bundle. Throws SIGNATURE_INVALID, SIGNATURE_MISSING or SIGNER_UNKNOWN unless an allowed
 * signer signed it.
 */
export function requireTrust(reader: Pick<BundleReader, 'path' | 'signatures' | 'sums'>, trust: Trust): readonly BundleSignature[] {
  const { signatures, findings } = checkSignatures(reader.signatures, reader.sums, trust);
  const [bad] = findings;
  if (bad !== undefined) throw new CaissonError('SIGNATURE_INVALID', `Cannot trust "${reader.path}": ${bad.member}: ${bad.reason}`);
  const distrust = distrustOf(reader.path, signatures);
  if (distrust !== undefined) throw distrust;
  return signatures;
}

/** Signs a receipt: the text of the file beside it. Throws SIGNING_FAILED. */
export async function signReceipt(receipt: string, signer: Signer): Promise<string> {
  return signDetached(signer, RECEIPT_NAMESPACE, Buffer.from(receipt));
}

/**
 * Throws SIGNATURE_INVALID, SIGNATURE_MISSING or SIGNER_UNKNOWN unless an allowed signer signed the receipt. `armored`
 * is the text of the signature file, undefined when there is no such file.
 */
export function requireReceiptTrust(path: string, receipt: Uint8Array, armored: string | undefined, trust: Trust): void {
  if (armored === undefined) {
    throw new CaissonError('SIGNATURE_MISSING', `Cannot trust the receipt "${path}": there is no "${receiptSignaturePath(path)}"`, {
      hint: 'Ask the site for a signed one: caisson inspect --receipt FILE --sign-key KEY',
    });
  }
  const what = `"${receiptSignaturePath(path)}"`;
  const signature = parseSignature(armored, what);
  checkSignature(signature, RECEIPT_NAMESPACE, receipt, what);
  const { signer } = signerOf(signature.key, trust, RECEIPT_NAMESPACE);
  if (signer === 'allowed') return;
  const state = signer === 'revoked' ? ', which is revoked' : '';
  throw new CaissonError('SIGNER_UNKNOWN', `Cannot trust the receipt "${path}": it is signed by ${signature.key.fingerprint}${state}`, {
    hint: 'The allowed signers need the key of the site, for the namespace caisson-receipt',
  });
}

/** Where the signature of a receipt lies: where ssh-keygen puts it. */
export function receiptSignaturePath(path: string): string {
  return `${path}.sig`;
}
