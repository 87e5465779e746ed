import { CaissonError, digestOf, hexOf, messageOf } from '../../core/index.ts';

const BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g;

/**
 * The keys of a keyring, binary or armored, each in an armored block of its own: rpm imports them one by one. Throws
 * REPOSITORY_UNTRUSTED when there is none or one cannot be read.
 */
export async function armoredKeys(keyring: Uint8Array): Promise<readonly string[]> {
  const { readKeys } = await import('openpgp');
  try {
    const text = Buffer.from(keyring).toString('latin1');
    const blocks = text.match(BLOCK) ?? [];
    const read = text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')
      ? await Promise.all(blocks.map((armoredKeys) => readKeys({ armoredKeys })))
      : [await readKeys({ binaryKeys: Uint8Array.from(keyring) })];
    const keys = read.flat().map((key) => key.toPublic().armor().replaceAll('\r\n', '\n'));
    if (keys.length === 0) throw new Error('it holds no key');
    return [...new Set(keys)].sort();
  } catch (error) {
    throw new CaissonError('REPOSITORY_UNTRUSTED', `Cannot read the keyring of a repository: ${messageOf(error)}`, {
      cause: error,
      hint: 'signedBy must name a file of OpenPGP public keys, binary (.gpg) or armored (.asc)',
    });
  }
}

/** The name of the file in which a bundle carries a key: by its content, so that equal keys have one file. */
export function keyFileName(armored: string): string {
  return `${hexOf(digestOf(armored)).slice(0, 16)}.asc`;
}
