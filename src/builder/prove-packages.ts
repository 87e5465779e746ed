import { CaissonError, fixedClock } from '../core/index.ts';
import {
  formatOfLocked,
  generateRepositoryKey,
  packageFormat,
  UnsolvableError,
  type FetchFile,
  type PackageRepository,
  type PackageRequest,
  type RepositoryKeyPair,
} from '../ospkg/index.ts';
import { fitsPackages } from './fit.ts';
import type { BundleLock, LockedOperatingSystem } from './lock.ts';

/** The address at which the repository is asked for; nothing is sent there. */
const PLACE = 'https://bundle.invalid/repository';

/**
 * Solves every package set of every operating system and architecture again, from nothing but the repository that goes into the
 * bundle, as a host at the site does: signed, read, believed, closed. A lock that was edited or merged by hand may lack a package.
 * Throws PACKAGE_UNSOLVABLE as an UnsolvableError with every package that a host could not install, and LOCK_MISMATCH for a request
 * that the lock does not answer. `date` is the time of the content.
 */
export async function provePackages(
  requests: readonly PackageRequest[],
  lock: BundleLock,
  date: Date,
  signal?: AbortSignal,
): Promise<void> {
  const key = await generateRepositoryKey({ userId: 'Caisson', date });
  const repositories = new Map<string, Promise<Repository>>();
  for (const request of requests) {
    const own = lock.operatingSystems.filter(({ id }) => id === request.id);
    if (!own.some((locked) => fitsPackages(locked, request))) {
      throw new CaissonError(
        'LOCK_MISMATCH',
        `Cannot prove the packages of ${request.id} for ${request.architecture}: they are not in the lock`,
      );
    }
    const made = repositories.get(request.id) ?? makeRepository(own, date, key);
    repositories.set(request.id, made);
    const { repository, fetchFile } = await made;
    const format = packageFormat(request.source.packages);
    const source = format.sourceIn(repository, request.source, { url: PLACE, keyring: Buffer.from(key.publicKey) });
    const stop = signal === undefined ? {} : { signal };
    try {
      await (await format.load({ ...request, source }, { fetch: fetchFile, clock: fixedClock(date), ...stop })).close(stop);
    } catch (error) {
      if (!(error instanceof UnsolvableError)) throw error;
      throw new UnsolvableError(error.disqualifications, {
        cause: error,
        hint: `The lock lacks what these packages of ${request.id} for ${request.architecture} need; resolve them again: build-bundle --update ${request.id}`,
      });
    }
  }
}

interface Repository {
  readonly repository: PackageRepository;
  readonly fetchFile: FetchFile;
}

/** The metadata of a repository as they lie in the bundle, signed as a site signs them. */
async function makeRepository(systems: readonly LockedOperatingSystem[], date: Date, key: RepositoryKeyPair): Promise<Repository> {
  const [first] = systems;
  if (first === undefined) throw new Error('a repository is of at least one system');
  const format = formatOfLocked(first);
  const { repository, metadata } = format.write(systems, { id: first.id, label: 'Caisson', date });
  const read = async (path: string): Promise<Buffer> => metadata.get(path) ?? Promise.reject(new Error(`the repository has no ${path}`));
  const signed = await format.sign(repository, { key, date, read });
  const files = new Map<string, Uint8Array>([
    ...[...metadata].map(([path, bytes]): [string, Uint8Array] => [path.slice(repository.path.length + 1), bytes]),
    ...signed,
  ]);
  return {
    repository,
    fetchFile: async (url) => {
      const found = files.get(url.slice(PLACE.length + 1));
      return found === undefined ? undefined : Buffer.from(found);
    },
  };
}
