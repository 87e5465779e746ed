import { CaissonError } from '../core/index.ts';
import { generateRepositoryKey, type RepositoryKeyPair } from '../ospkg/index.ts';

/** Before the content of any bundle, so that one key of a site can sign older bundles as well as newer ones. */
const KEY_DATE = new Date('2000-01-01T00:00:00Z');

/** Makes the key with which a site signs the package repositories that it serves. */
export async function makeRepositoryKey(): Promise<RepositoryKeyPair> {
  return generateRepositoryKey({ userId: 'Caisson depot', date: KEY_DATE });
}

/**
 * Finds an armored private and public key in the text of a key file, or of two. Throws CERTIFICATE_INVALID when either
 * is missing; whether they can sign is seen when they do.
 */
export function parseRepositoryKey(text: string, file: string): RepositoryKeyPair {
  const privateKey = armoredBlock(text, 'PRIVATE KEY');
  const publicKey = armoredBlock(text, 'PUBLIC KEY');
  if (privateKey !== undefined && publicKey !== undefined) return { privateKey, publicKey };
  throw new CaissonError(
    'CERTIFICATE_INVALID',
    `Cannot use "${file}" as repository key: there is no armored ${privateKey === undefined ? 'private' : 'public'} key in it or beside it`,
    { hint: 'The private key is in FILE.key and the public key in FILE.asc; both are made with --state DIR' },
  );
}

/** The binary form of an armored key, for `signed-by` files that end in .gpg (RFC 9580, 6.2). */
export function dearmor(armored: string): Buffer {
  const lines = armored.replaceAll('\r', '').split('\n');
  const start = lines.indexOf('');
  const body = lines.slice(start + 1).filter((line) => line !== '' && !line.startsWith('-----') && !line.startsWith('='));
  return Buffer.from(body.join(''), 'base64');
}

function armoredBlock(text: string, kind: 'PRIVATE KEY' | 'PUBLIC KEY'): string | undefined {
  const begin = `-----BEGIN PGP ${kind} BLOCK-----`;
  const end = `-----END PGP ${kind} BLOCK-----`;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  return from === -1 || to < from ? undefined : `${text.slice(from, to + end.length)}\n`;
}
