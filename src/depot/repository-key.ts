import { CaissonError } from '../core/index.ts';
import { ifPresent, readKeptPair, readSecretFile, readTextFile, writeKeptPair, type PairPaths } from '../io/index.ts';
import { generateRepositoryKey, isKeyPair, publicKeyOf, type RepositoryKeyPair } from '../ospkg/index.ts';

/** Before the content of any bundle, so that one key of a site can sign older bundles as well as newer ones. */
const KEY_DATE = new Date('2000-01-01T00:00:00Z');

/** The files in which a site keeps its repository key. */
export interface RepositoryKeyPaths {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Makes the key with which a site signs the package repositories that it serves. */
export async function makeRepositoryKey(): Promise<RepositoryKeyPair> {
  return generateRepositoryKey({ userId: 'Caisson depot', date: KEY_DATE });
}

/** The key that is kept in these files; undefined before the first `obtainRepositoryKey`. Throws as that does. */
export async function peekRepositoryKey(paths: RepositoryKeyPaths): Promise<RepositoryKeyPair | undefined> {
  const { secret, open } = await readKeptPair(pairPathsOf(paths));
  if (open === undefined) return undefined;
  if (secret === undefined) throw unusable(paths, `its private key "${paths.privateKey}" is missing`);
  const pair = { privateKey: secret, publicKey: open };
  if (!(await isKeyPair(pair))) throw unusable(paths, `"${paths.privateKey}" is not its private key`);
  return pair;
}

/**
 * The key that is kept in these files, made there the first time. It is never replaced: a lost public key is derived again
 * from the private one, and a lost or foreign private key is refused with CERTIFICATE_INVALID, because hosts trust the
 * public key already. Also throws INPUT_UNREADABLE and SECRET_EXPOSED.
 */
export async function obtainRepositoryKey(paths: RepositoryKeyPaths): Promise<RepositoryKeyPair> {
  const known = await peekRepositoryKey(paths);
  if (known !== undefined) return known;
  const made = (await completed(paths)) ?? (await makeRepositoryKey());
  await writeKeptPair(pairPathsOf(paths), { secret: made.privateKey, open: made.publicKey });
  return made;
}

/** Reads a repository key: FILE, and for the public half also the file beside it that ends in .asc. */
export async function loadRepositoryKey(file: string): Promise<RepositoryKeyPair> {
  const own = await readSecretFile(file);
  const beside = await ifPresent(() => readTextFile(file.replace(/(?:\.[A-Za-z0-9]+)?$/, '.asc')));
  return parseRepositoryKey(`${own}\n${beside ?? ''}`, file);
}

/** The pair of a private key whose public half was not written, or lost. */
async function completed(paths: RepositoryKeyPaths): Promise<RepositoryKeyPair | undefined> {
  const { secret } = await readKeptPair(pairPathsOf(paths));
  if (secret === undefined) return undefined;
  const publicKey = await publicKeyOf(secret);
  if (publicKey === undefined) throw unusable(paths, `"${paths.privateKey}" is not an OpenPGP private key`);
  return { privateKey: secret, publicKey };
}

/** Finds an armored private and public key in the text of a key file, or of two. Whether they can sign is seen when they do. */
function parseRepositoryKey(text: string, file: string): RepositoryKeyPair {
  const privateKey = armoredBlock(text, 'PRIVATE KEY');
  const publicKey = armoredBlock(text, 'PUBLIC KEY');
  if (privateKey !== undefined && publicKey !== undefined) return { privateKey, publicKey };
  throw new CaissonError(
    'CERTIFICATE_INVALID',
    `Cannot use "${file}" as repository key: there is no armored ${privateKey === undefined ? 'private' : 'public'} key in it or beside it`,
    { hint: 'The private key is in FILE.key and the public key in FILE.asc; both are made with --state DIR' },
  );
}

function armoredBlock(text: string, kind: 'PRIVATE KEY' | 'PUBLIC KEY'): string | undefined {
  const begin = `-----BEGIN PGP ${kind} BLOCK-----`;
  const end = `-----END PGP ${kind} BLOCK-----`;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  return from === -1 || to < from ? undefined : `${text.slice(from, to + end.length)}\n`;
}

function pairPathsOf({ privateKey, publicKey }: RepositoryKeyPaths): PairPaths {
  return { secret: privateKey, open: publicKey };
}

function unusable(paths: RepositoryKeyPaths, reason: string): CaissonError {
  return new CaissonError('CERTIFICATE_INVALID', `Cannot use the repository key "${paths.publicKey}": ${reason}`, {
    hint: 'Restore both files from a backup. Whoever moves both away gets a new key, and must give it to every host',
  });
}
