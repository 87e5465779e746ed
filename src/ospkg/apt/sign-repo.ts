import { createCleartextMessage, createMessage, generateKey, readPrivateKey, sign } from 'openpgp';

export interface RepositoryKeyPair {
  /** Armored and without a passphrase: whoever writes it to a file gives it mode 0600. */
  readonly privateKey: string;
  /** Armored, for `signed-by=` (a file with the ending .asc, readable by everyone). */
  readonly publicKey: string;
}

export interface ReleaseSignature {
  /** The content of InRelease. */
  readonly inRelease: string;
  /** The content of Release.gpg: a detached, armored signature. */
  readonly signature: string;
}

/**
 * A new signing key. Ed25519 in the form of RFC 4880bis: gpgv 2.2 and sqv, which apt calls, accept no other. It does not
 * expire; `date` is its creation time and must not be after the dates of what it will sign.
 */
export async function generateRepositoryKey(options: { readonly userId: string; readonly date: Date }): Promise<RepositoryKeyPair> {
  const { privateKey, publicKey } = await generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    subkeys: [],
    userIDs: [{ name: options.userId }],
    date: options.date,
    format: 'armored',
  });
  return { privateKey, publicKey };
}

/**
 * Signs a Release file at `date`. The same text, key and date give the same bytes. InRelease holds the very lines of the
 * file: the line break before the signature is not part of the signed text (RFC 9580 section 7), and line breaks are
 * signed as CRLF however they are stored.
 */
export async function signRelease(release: string, privateKey: string, date: Date): Promise<ReleaseSignature> {
  const signingKeys = await readPrivateKey({ armoredKey: privateKey });
  const options = { signingKeys, date, config: { nonDeterministicSignaturesViaNotation: false } };
  const inRelease = armored(await sign({ message: await createCleartextMessage({ text: release.replace(/\n$/, '') }), ...options }));
  const message = await createMessage({ binary: new TextEncoder().encode(release) });
  const signature = armored(await sign({ message, detached: true, format: 'armored', ...options }));
  return { inRelease: inRelease.replaceAll('\r\n', '\n'), signature };
}

/** openpgp types what it signs by streams of the web, whose types Node does not have. */
function armored(signed: unknown): string {
  if (typeof signed !== 'string') throw new Error('openpgp did not give text');
  return signed;
}
