import { filePath } from '../bundle/index.ts';
import { CaissonError, formatPlatform } from '../core/index.ts';
import { packageFormat, type PackageRequest } from '../ospkg/index.ts';
import { lockedExecutable, lockedFile } from './input-files.ts';
import type { BuildInputs } from './inputs.ts';
import type { BundleLock, LockedImage, LockedListedFile, LockedOperatingSystem } from './lock.ts';
import type { FileRequest } from './resolve-files.ts';
import type { ImageRequest } from './resolve-images.ts';

/** True when the locked image was resolved from an equal request, in a build for these platforms. */
export function fitsImage(locked: LockedImage, request: ImageRequest, platforms: readonly string[]): boolean {
  const asked = platformsOf(request, platforms);
  if ((locked.attached !== undefined) !== (request.attached === true)) return false;
  // An artifact is for no platform.
  const fits = locked.artifacts !== undefined || locked.platforms.join() === asked.join();
  return locked.name === request.name && locked.source === request.source && fits;
}

function platformsOf({ platforms }: ImageRequest, ofBuild: readonly string[]): readonly string[] {
  return platforms?.map(formatPlatform) ?? ofBuild;
}

/** True when the locked packages were resolved from an equal request. */
export function fitsPackages(locked: LockedOperatingSystem, request: PackageRequest): boolean {
  return (
    locked.id === request.id &&
    locked.architecture === request.architecture &&
    locked.inputs === packageFormat(request.source.packages).digestOf(request)
  );
}

/** True when the locked file was resolved from this line, or from one that promised no digest yet. */
export function fitsFile(locked: LockedListedFile, { name, url, digest }: FileRequest): boolean {
  return locked.name === name && locked.url === url && (digest === undefined || locked.digest === digest);
}

/** Every difference between a lock and the inputs, in words; empty when the lock fits. */
function differencesOf(inputs: BuildInputs, lock: BundleLock): string[] {
  const platforms = inputs.platforms.map(formatPlatform);
  return [
    ...(platforms.join() === lock.platforms.join()
      ? []
      : [`platforms: asked for ${platforms.join(', ')}, locked for ${lock.platforms.join(', ')}`]),
    ...compare(inputs.images, lock.images, {
      nameOf: ({ name }) => `image "${name}"`,
      // Platforms of the build are one difference, said above.
      reasonOf: (request, locked) => {
        if (fitsImage(locked, request, lock.platforms)) return undefined;
        const asked = platformsOf(request, lock.platforms);
        if (locked.artifacts === undefined && asked.join() !== locked.platforms.join())
          return `is asked for ${asked.join(', ')}, locked for ${locked.platforms.join(', ')}`;
        if (request.source !== locked.source) return `comes from "${request.source}", locked from "${locked.source}"`;
        return request.attached === true ? 'is locked without its referrers' : 'is locked with its referrers';
      },
    }),
    ...compare(inputs.packages, lock.operatingSystems, {
      nameOf: ({ id, architecture }) => `packages of ${id} for ${architecture}`,
      reasonOf: (request, locked) => (fitsPackages(locked, request) ? undefined : 'repositories, keys or package sets have changed'),
    }),
    ...compare(inputs.executables.map(lockedExecutable), lock.executables, {
      nameOf: ({ platform }) => `executable for ${platform}`,
      reasonOf: ({ digest }, locked) => (digest === locked.digest ? undefined : `has ${digest}, locked is ${locked.digest}`),
    }),
    ...compare(inputs.files.map(lockedFile), lock.files, {
      nameOf: ({ path }) => `file "${path}"`,
      reasonOf: ({ digest }, locked) => (digest === locked.digest ? undefined : 'has changed'),
    }),
    ...compare<FileRequest, LockedListedFile>(inputs.listedFiles, lock.listedFiles ?? [], {
      nameOf: ({ name }) => `file "${filePath(name)}"`,
      reasonOf: (request, locked) => {
        if (fitsFile(locked, request)) return undefined;
        if (request.url !== locked.url) return `comes from "${request.url}", locked from "${locked.url}"`;
        return `is promised with ${request.digest}, locked is ${locked.digest}`;
      },
    }),
  ];
}

/** Throws LOCK_MISMATCH naming every difference, or that there is no lock. */
export function requireFit(inputs: BuildInputs, lock: BundleLock | undefined, path: string): BundleLock {
  const hint = 'Run build-bundle once without --frozen, look at what changed in the lock, and commit it';
  if (lock === undefined) throw new CaissonError('LOCK_MISMATCH', `Cannot build from "${path}": there is no such file`, { hint });
  const differences = differencesOf(inputs, lock);
  if (differences.length === 0) return lock;
  const lines = differences.map((difference) => `  ${difference}`).join('\n');
  throw new CaissonError('LOCK_MISMATCH', `Cannot build from "${path}": it does not fit what is asked for\n${lines}`, { hint });
}

interface Comparison<Wanted, Locked> {
  readonly nameOf: (item: Wanted | Locked) => string;
  readonly reasonOf: (wanted: Wanted, locked: Locked) => string | undefined;
}

function compare<Wanted, Locked>(
  wanted: readonly Wanted[],
  locked: readonly Locked[],
  { nameOf, reasonOf }: Comparison<Wanted, Locked>,
): string[] {
  const byName = new Map(locked.map((item) => [nameOf(item), item]));
  const names = new Set(wanted.map(nameOf));
  return [
    ...wanted.flatMap((item) => {
      const name = nameOf(item);
      const found = byName.get(name);
      const reason = found === undefined ? 'is not in the lock' : reasonOf(item, found);
      return reason === undefined ? [] : [`${name} ${reason}`];
    }),
    ...[...byName.keys()].filter((name) => !names.has(name)).map((name) => `${name} is in the lock and not asked for`),
  ];
}
