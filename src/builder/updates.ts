import { filePath } from '../bundle/index.ts';
import { CaissonError } from '../core/index.ts';
import { suggestName } from '../io/index.ts';
import type { BundleLock, LockedImage, LockedListedFile, LockedOperatingSystem } from './lock.ts';

/** The parts of a lock that are resolved again. */
export interface Updates {
  hasImage(image: LockedImage): boolean;
  hasFile(file: LockedListedFile): boolean;
  /** True for all packages of an operating system. */
  hasSystem(system: LockedOperatingSystem): boolean;
  /** Names of the packages that move; all others of the system are held. */
  packagesOf(system: LockedOperatingSystem): readonly string[];
}

/**
 * Finds what names mean in a lock: images by name, source, or the end of either; files by name, URL, or the
 * end of either; operating systems by id; packages by name.
 * Throws USAGE for a name that the lock does not have.
 */
export function updatesOf(names: readonly string[], lock: BundleLock): Updates {
  const wanted = new Set(names);
  const packagesOf = ({ packages }: LockedOperatingSystem): readonly string[] => [
    ...new Set(packages.flatMap(({ name }) => (wanted.has(name) ? [name] : []))),
  ];
  const updates: Updates = {
    hasImage: (image) => names.some((name) => isCalled(image, name)),
    hasFile: (file) => names.some((name) => isFileCalled(file, name)),
    hasSystem: ({ id }) => wanted.has(id),
    packagesOf,
  };
  for (const name of names) requireKnown(name, lock);
  return updates;
}

function isCalled({ name, source }: LockedImage, wanted: string): boolean {
  return [name, source].some((text) => text === wanted || text.endsWith(`/${wanted}`));
}

function isFileCalled({ name, url }: LockedListedFile, wanted: string): boolean {
  return [filePath(name), url].some((text) => text === wanted || text.endsWith(`/${wanted}`));
}

function requireKnown(wanted: string, { images, operatingSystems, listedFiles = [] }: BundleLock): void {
  if (
    images.some((image) => isCalled(image, wanted)) ||
    listedFiles.some((file) => isFileCalled(file, wanted)) ||
    operatingSystems.some(({ id, packages }) => id === wanted || packages.some(({ name }) => name === wanted))
  )
    return;
  const known = [
    ...images.map(({ name }) => name),
    ...listedFiles.map(({ name }) => name),
    ...operatingSystems.flatMap(({ id, packages }) => [id, ...packages.map(({ name }) => name)]),
  ];
  const suggestion = suggestName(wanted, new Set(known));
  throw new CaissonError('USAGE', `Cannot update "${wanted}": the lock has no image, file, operating system or package of this name`, {
    hint: [suggestion, 'Names are those of bundle.lock.json; --update without a name resolves everything again'].filter(Boolean).join('; '),
  });
}

/** Versions at which all packages of a system but these are held. A package with several versions is not. */
export function heldVersions(system: LockedOperatingSystem, moving: readonly string[]): ReadonlyMap<string, string> {
  const versions = new Map<string, Set<string>>();
  for (const { name, version } of system.packages) versions.set(name, (versions.get(name) ?? new Set()).add(version));
  return new Map(
    [...versions].flatMap(([name, all]): [string, string][] => {
      const [version] = all;
      return version === undefined || all.size > 1 || moving.includes(name) ? [] : [[name, version]];
    }),
  );
}
