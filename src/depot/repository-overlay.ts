import type { BundleReader, BundleRepository } from '../bundle/index.ts';
import { CaissonError } from '../core/index.ts';
import { packageFormat, type RepositoryKeyPair } from '../ospkg/index.ts';

/** The key of the site, beside what it signs. */
export const PUBLIC_KEY_FILE = 'key.asc';

/**
 * The files that the depot adds to a repository of a bundle, by path under the repository: signatures made with the key
 * of the site, and that key. Throws CERTIFICATE_INVALID for a key that cannot sign.
 */
export async function repositoryOverlay(
  reader: BundleReader,
  repository: BundleRepository,
  key: RepositoryKeyPair,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const date = new Date(reader.manifest.date);
  try {
    const format = packageFormat(repository.type);
    const signed = await format.sign(repository, { key, date, read: (path, options) => reader.read(path, options) });
    return new Map([...signed, [PUBLIC_KEY_FILE, Buffer.from(key.publicKey)]]);
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError(
      'CERTIFICATE_INVALID',
      `Cannot sign repository "${repository.id}" with the repository key of ${date.toISOString()}`,
      { cause, hint: 'The key must be an unprotected OpenPGP signing key that is not younger than the bundle' },
    );
  }
}
