import { type Key, readCleartextMessage, readKey, readKeys, readSignature, createMessage, verify, type VerifyMessageResult } from 'openpgp';
import { CaissonError, messageOf } from '../../core/index.ts';

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
export async function verifyInRelease(inRelease: Uint8Array, options: VerifyReleaseOptions): Promise<string> {
  const keys = await readKeyring(options.keyring);
  const message = await attempt(options.what, () => readCleartextMessage({ cleartextMessage: Buffer.from(inRelease).toString('utf8') }));
  const result = await attempt(options.what, () => verify({ message, verificationKeys: keys, date: options.now }));
  await requireGoodSignature(result.signatures, options.what);
  return result.data;
}

/** As `verifyInRelease`, for a Release file with its detached, armored Release.gpg. */
export async function verifyDetachedRelease(release: Uint8Array, signature: Uint8Array, options: VerifyReleaseOptions): Promise<string> {
  const keys = await readKeyring(options.keyring);
  const parsed = await attempt(options.what, () => readSignature({ armoredSignature: Buffer.from(signature).toString('latin1') }));
  const message = await createMessage({ binary: Uint8Array.from(release) });
  const result = await attempt(options.what, () => verify({ message, signature: parsed, verificationKeys: keys, date: options.now }));
  await requireGoodSignature(result.signatures, options.what);
  return Buffer.from(release).toString('utf8');
}

async function readKeyring(keyring: Uint8Array): Promise<Key[]> {
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

async function requireGoodSignature(signatures: VerifyMessageResult['signatures'], what: string): Promise<void> {
  const outcomes = await Promise.allSettled(signatures.map(async (signature) => await signature.verified));
  if (outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value)) return;
  const reasons = outcomes.map((outcome, index) => {
    const key = signatures[index]?.keyID.toHex() ?? 'unknown';
    return `key ${key}: ${outcome.status === 'rejected' ? messageOf(outcome.reason) : 'not verified'}`;
  });
  throw untrusted(what, reasons.length > 0 ? reasons : ['it carries no signature']);
}

function untrusted(what: string, reasons: readonly string[], cause?: unknown): CaissonError {
  return new CaissonError('REPOSITORY_UNTRUSTED', `Cannot trust "${what}": ${reasons.join('; ')}`, {
    hint: 'It is not signed by the keyring that signedBy names: try another mirror, or get the current keyring from the distribution',
    ...(cause === undefined ? {} : { cause }),
  });
}
