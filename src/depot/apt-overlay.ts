import type { BundleReader, BundleRepository } from '../bundle/index.ts';
import { CaissonError } from '../core/index.ts';
import { dearmor, signRelease, type RepositoryKeyPair } from '../ospkg/index.ts';

const RELEASE_LIMIT = 4 * 1024 * 1024;

/**
 * What the depot adds to a repository of a bundle, by path under the repository: signatures over its Release, made with
 * the key of the site, and that key. The bundle carries none of it, so that the same lock gives the same bytes. The
 * signatures bear the date of the content: apt refuses what is signed in the future of its clock.
 */
export async function aptOverlay(
  reader: BundleReader,
  repository: BundleRepository,
  key: RepositoryKeyPair,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const directory = `dists/${repository.codename}`;
  const release = await reader.read(`${repository.path}/${directory}/Release`, { limit: RELEASE_LIMIT });
  const { inRelease, signature } = await sign(release.toString('utf8'), key, new Date(reader.manifest.date), repository);
  return new Map([
    [`${directory}/InRelease`, Buffer.from(inRelease)],
    [`${directory}/Release.gpg`, Buffer.from(signature)],
    ['key.asc', Buffer.from(key.publicKey)],
    ['key.gpg', dearmor(key.publicKey)],
  ]);
}

async function sign(
  release: string,
  key: RepositoryKeyPair,
  date: Date,
  repository: BundleRepository,
): Promise<{ readonly inRelease: string; readonly signature: string }> {
  try {
    return await signRelease(release, key.privateKey, date);
  } catch (cause) {
    throw new CaissonError(
      'CERTIFICATE_INVALID',
      `Cannot sign repository "${repository.id}" with the repository key of ${date.toISOString()}`,
      {
        cause,
        hint: 'The key must be an unprotected OpenPGP signing key that is not younger than the bundle',
      },
    );
  }
}
