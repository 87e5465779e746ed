import type { Key, VerifyMessageResult } from 'openpgp';
import { CaissonError, messageOf } from '../core/index.ts';

/** A release whose signature is good. */
export interface TrustedRelease {
  readonly text: string;
  /** As the signature says. */
  readonly signedAt: Date;
  /** Words for a key that newer hosts refuse; undefined when another one has signed, too. */
  readonly weakness: string | undefined;
}

export interface VerifyReleaseOptions {
  /** Keys that may sign, binary or armored, as distributions ship them. */
  readonly keyring: Uint8Array;
  /** Signatures and keys must be valid at this time. */
  readonly now: Date;
  /** Address of the file, for messages. */
  readonly what: string;
}

/**
 * The signed text of an InRelease file and nothing around it. One good signature by a key of the keyring is enough, as for
 * apt: releases are signed by the keys of two or three distributions at once. Throws REPOSITORY_UNTRUSTED.
 */
export async function verifyInRelease(inRelease: Uint8Array, options: VerifyReleaseOptions): Promise<TrustedRelease> {
  const { readCleartextMessage, verify } = await import('openpgp');
  const keys = await readKeyring(options.keyring);
  const message = await attempt(options.what, () => readCleartextMessage({ cleartextMessage: Buffer.from(inRelease).toString('utf8') }));
  const result = await attempt(options.what, () => verify({ message, verificationKeys: keys, date: options.now }));
  return { text: result.data, ...(await goodSignature(result.signatures, keys, options.what)) };
}

/** As `verifyInRelease`, for a Release file with its detached, armored Release.gpg. */
export async function verifyDetachedRelease(
  release: Uint8Array,
  signature: Uint8Array,
  options: VerifyReleaseOptions,
): Promise<TrustedRelease> {
  const { createMessage, readSignature, verify } = await import('openpgp');
  const keys = await readKeyring(options.keyring);
  const parsed = await attempt(options.what, () => readSignature({ armoredSignature: Buffer.from(signature).toString('latin1') }));
  const message = await createMessage({ binary: Uint8Array.from(release) });
  const result = await attempt(options.what, () => verify({ message, signature: parsed, verificationKeys: keys, date: options.now }));
  return { text: Buffer.from(release).toString('utf8'), ...(await goodSignature(result.signatures, keys, options.what)) };
}

async function readKeyring(keyring: Uint8Array): Promise<Key[]> {
  const { readKey, readKeys } = await import('openpgp');
  try {
    const text = Buffer.from(keyring).toString('latin1');
    if (!text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) return await readKeys({ binaryKeys: Uint8Array.from(keyring) });
    const blocks = text.match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g) ?? [];
    return await Promise.all(blocks.map((armoredKey) => readKey({ armoredKey })));
  } catch (error) {
    throw new CaissonError('REPOSITORY_UNTRUSTED', `Cannot read the keyring of a repository: ${messageOf(error)}`, {
      cause: error,
      hint: 'signedBy must name a file of OpenPGP public keys, binary (.gpg) or armored (.asc)',
    });
  }
}

async function attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw untrusted(what, [messageOf(error)], error);
  }
}

async function goodSignature(
  signatures: VerifyMessageResult['signatures'],
  keys: readonly Key[],
  what: string,
): Promise<Omit<TrustedRelease, 'text'>> {
  const outcomes = await Promise.allSettled(signatures.map(async (signature) => await signature.verified));
  const good = signatures.filter((_, index) => {
    const outcome = outcomes[index];
    return outcome?.status === 'fulfilled' && outcome.value;
  });
  const weaknesses = good.map(({ keyID }) => weaknessOf(keys.find((key) => key.getKeys(keyID).length > 0)));
  const [first] = await Promise.all(good.map(async ({ signature }) => (await signature).packets[0]?.created ?? new Date(0)));
  if (first !== undefined)
    return { signedAt: first, weakness: weaknesses.every((words) => words !== undefined) ? weaknesses[0] : undefined };
  const reasons = outcomes.map((outcome, index) => {
    const key = signatures[index]?.keyID.toHex() ?? 'unknown';
    return `key ${key}: ${outcome.status === 'rejected' ? messageOf(outcome.reason) : 'not verified'}`;
  });
  throw untrusted(what, reasons.length > 0 ? reasons : ['it carries no signature']);
}

/** MD5, SHA-1 and RIPEMD-160 (RFC 9580, 9.5). */
const WEAK: ReadonlySet<number | null> = new Set([1, 2, 3]);

/**
 * Hosts that check with sqv (apt 3) believe no key whose own signatures are all made with SHA-1 or older, however its
 * signature over the release is made.
 */
function weaknessOf(key: Key | undefined): string | undefined {
  if (key === undefined) return undefined;
  const own = key.users.flatMap(({ selfCertifications }) => selfCertifications);
  if (own.length === 0 || own.some(({ hashAlgorithm }) => !WEAK.has(hashAlgorithm))) return undefined;
  const id = key.getFingerprint().toUpperCase();
  return `Key ${id}, which vouches for itself with SHA-1 alone so that hosts with apt 3 and later refuse it,`;
}

function untrusted(what: string, reasons: readonly string[], cause?: unknown): CaissonError {
  return new CaissonError('REPOSITORY_UNTRUSTED', `Cannot trust "${what}": ${reasons.join('; ')}`, {
    hint: 'It is not signed by the keyring that signedBy names: try another mirror, or get the current keyring from the distribution',
    ...(cause === undefined ? {} : { cause }),
  });
}
