/** The OpenPGP key with which a site signs package repositories. */
export interface RepositoryKeyPair {
  /** Armored and without a passphrase; a file that holds it must have mode 0600. */
  readonly privateKey: string;
  /** Armored; hosts get it as the key to trust. */
  readonly publicKey: string;
}

/**
 * A new signing key. Ed25519 in the form of RFC 4880bis: gpgv 2.2 and sqv, which apt calls, accept no other. It does not
 * expire; `date` is its creation time and must not be after the dates of the files that it will sign.
 */
export async function generateRepositoryKey(options: { readonly userId: string; readonly date: Date }): Promise<RepositoryKeyPair> {
  const { generateKey } = await import('openpgp');
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

/** The public half of an armored private key; undefined for a text that is none. */
export async function publicKeyOf(privateKey: string): Promise<string | undefined> {
  const { readPrivateKey } = await import('openpgp');
  return readPrivateKey({ armoredKey: privateKey }).then(
    (key) => key.toPublic().armor(),
    () => undefined,
  );
}

/** Whether both halves are readable and of one key. */
export async function isKeyPair({ privateKey, publicKey }: RepositoryKeyPair): Promise<boolean> {
  const { readKey, readPrivateKey } = await import('openpgp');
  try {
    const [own, other] = [await readPrivateKey({ armoredKey: privateKey }), await readKey({ armoredKey: publicKey })];
    return own.getFingerprint() === other.getFingerprint();
  } catch {
    return false;
  }
}

/** The binary form of an armored key (RFC 9580, 6.2). */
export function dearmor(armored: string): Buffer {
  const lines = armored.replaceAll('\r', '').split('\n');
  const start = lines.indexOf('');
  const body = lines.slice(start + 1).filter((line) => line !== '' && !line.startsWith('-----') && !line.startsWith('='));
  return Buffer.from(body.join(''), 'base64');
}
