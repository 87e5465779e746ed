import { filePath } from '../bundle/index.ts';
import { compareText } from '../core/index.ts';
import { formatOfLocked } from '../ospkg/index.ts';
import { parseSource } from '../sources/index.ts';
import type { BundleLock, LockedImage, LockedListedFile, LockedOperatingSystem, LockedPackage } from './lock.ts';
import { imageSize } from './image-descriptors.ts';

/** One version of something that a lock has. */
export interface LockedVersion {
  /** Digest of an image, a file or an executable; version of a package. */
  readonly version: string;
  /** Bytes. */
  readonly size: number;
}

/** A difference between two locks. `before` is absent for a new thing, `after` for one that is gone. */
export interface LockChange {
  readonly kind: 'image' | 'package' | 'executable' | 'file';
  readonly name: string;
  /** The operating system and architecture of a package. */
  readonly system?: string;
  readonly before?: LockedVersion;
  readonly after?: LockedVersion;
  /**
   * `moved tag`: the same tag has another image now. `moved URL`: the same URL has another file now. `older`: a package has a lower version than before. `security`: it comes from
   * a repository of updates for security.
   */
  readonly notes: readonly ('moved tag' | 'moved URL' | 'older' | 'security')[];
}

/** Lists all differences between two locks: images, packages, executables and files, each kind by name. Pure. */
export function lockChanges(before: BundleLock, after: BundleLock): readonly LockChange[] {
  return [
    ...compared(before.images, after.images, ({ name }) => name, 'image', imageVersion, imageNotes),
    ...systemsOf(before, after).flatMap(([was, is]) => packageChanges(was, is)),
    ...compared(before.executables, after.executables, ({ platform }) => platform, 'executable', fileVersion),
    ...compared(before.files, after.files, ({ path }) => path, 'file', fileVersion),
    ...compared(before.listedFiles ?? [], after.listedFiles ?? [], ({ name }) => filePath(name), 'file', fileVersion, fileNotes),
  ];
}

function compared<T>(
  before: readonly T[],
  after: readonly T[],
  nameOf: (item: T) => string,
  kind: LockChange['kind'],
  versionOf: (item: T) => LockedVersion,
  notesOf: (was: T, is: T) => LockChange['notes'] = () => [],
): LockChange[] {
  const [was, is] = [before, after].map((items) => new Map(items.map((item) => [nameOf(item), item])));
  const names = [...new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])].sort(compareText);
  return names.flatMap((name): LockChange[] => {
    const [old, now] = [was?.get(name), is?.get(name)];
    if (old !== undefined && now !== undefined) {
      const [oldVersion, newVersion] = [versionOf(old), versionOf(now)];
      if (oldVersion.version === newVersion.version) return [];
      return [{ kind, name, before: oldVersion, after: newVersion, notes: notesOf(old, now) }];
    }
    return [
      {
        kind,
        name,
        ...(old === undefined ? {} : { before: versionOf(old) }),
        ...(now === undefined ? {} : { after: versionOf(now) }),
        notes: [],
      },
    ];
  });
}

function imageVersion(image: LockedImage): LockedVersion {
  return { version: image.root.digest, size: imageSize(image) };
}

function imageNotes(was: LockedImage, is: LockedImage): LockChange['notes'] {
  return was.source === is.source && !is.source.includes('@') && parseSource(is.source).transport === 'registry' ? ['moved tag'] : [];
}

function fileNotes(was: LockedListedFile, is: LockedListedFile): LockChange['notes'] {
  return was.url === is.url ? ['moved URL'] : [];
}

function fileVersion({ digest, size }: { readonly digest: string; readonly size: number }): LockedVersion {
  return { version: digest, size };
}

/** The systems of both locks in pairs, by id and architecture; one of a pair may be missing. */
function systemsOf(
  before: BundleLock,
  after: BundleLock,
): readonly (readonly [LockedOperatingSystem | undefined, LockedOperatingSystem | undefined])[] {
  const idOf = ({ id, architecture }: LockedOperatingSystem): string => `${id} ${architecture}`;
  const [was, is] = [before, after].map(({ operatingSystems }) => new Map(operatingSystems.map((system) => [idOf(system), system])));
  const ids = [...new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])].sort(compareText);
  return ids.map((id) => [was?.get(id), is?.get(id)] as const);
}

function packageChanges(was: LockedOperatingSystem | undefined, is: LockedOperatingSystem | undefined): readonly LockChange[] {
  const either = is ?? was;
  if (either === undefined) return [];
  const system = `${either.id} ${either.architecture}`;
  const format = formatOfLocked(either);
  const [old, now] = [byName(was), byName(is)];
  return [...new Set([...old.keys(), ...now.keys()])].sort(compareText).flatMap((name): LockChange[] => {
    const [before, after] = [old.get(name) ?? [], now.get(name) ?? []];
    const gone = before.filter(({ version }) => !after.some((one) => one.version === version));
    const come = after.filter(({ version }) => !before.some((one) => one.version === version));
    const of = { kind: 'package' as const, name, system };
    const [left, right] = [gone[0], come[0]];
    const security = (one: LockedPackage): LockChange['notes'] => (is !== undefined && format.isForSecurity(one, is) ? ['security'] : []);
    if (gone.length === 1 && come.length === 1 && left !== undefined && right !== undefined) {
      const older = format.compareVersions(right.version, left.version) < 0 ? (['older'] as const) : [];
      return [{ ...of, before: packageVersion(left), after: packageVersion(right), notes: [...older, ...security(right)] }];
    }
    return [
      ...gone.map((one): LockChange => ({ ...of, before: packageVersion(one), notes: [] })),
      ...come.map((one): LockChange => ({ ...of, after: packageVersion(one), notes: security(one) })),
    ];
  });
}

function byName(system: LockedOperatingSystem | undefined): ReadonlyMap<string, readonly LockedPackage[]> {
  const found = new Map<string, LockedPackage[]>();
  for (const one of system?.packages ?? []) found.set(one.name, [...(found.get(one.name) ?? []), one]);
  return found;
}

function packageVersion({ version, size }: LockedPackage): LockedVersion {
  return { version, size };
}
