import {
  blobPath,
  filePath,
  LOCK_MEMBER,
  SBOM_JSON,
  type BundleImage,
  type BundleInput,
  type BundleRepository,
  type PlannedFile,
} from '../bundle/index.ts';
import { compareText, digestOf, parsePlatform, sortedBy } from '../core/index.ts';
import { addressOf, formatOfLocked, type WrittenRepository } from '../ospkg/index.ts';
import { executableName } from './executables.ts';
import { descriptorsOf } from './image-descriptors.ts';
import {
  formatLock,
  type BundleLock,
  type LockedDescriptor,
  type LockedImage,
  type LockedListedFile,
  type LockedOperatingSystem,
} from './lock.ts';
import { sbomDocument, type SbomPackage } from './sbom.ts';

export const IMAGES_MEMBER = 'images.txt';
export const MANIFESTS_MEMBER = 'manifests';

/** A file that the user wrote and that travels along, under its path in the bundle. */
export interface InputFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** A place that has the bytes of a member. Several origins have the same bytes; they are asked in order. */
export type Origin =
  | { readonly kind: 'image'; readonly source: string; readonly descriptor: LockedDescriptor }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'executable'; readonly platform: string };

/** The members of the bundle, and the origins of every member without content. */
export interface BuildPlan {
  readonly input: BundleInput;
  /** By member path. */
  readonly origins: ReadonlyMap<string, readonly Origin[]>;
}

interface Member {
  readonly file: PlannedFile;
  readonly origin?: Origin;
}

interface Repository {
  readonly repository: BundleRepository;
  readonly packages: readonly SbomPackage[];
  readonly members: readonly Member[];
}

/** Turns a lock into the list of members. Pure: the same arguments give the same bundle, byte for byte. */
export function planBuild(
  lock: BundleLock,
  facts: { readonly name: string; readonly version: string; readonly date: Date; readonly files: readonly InputFile[] },
): BuildPlan {
  const repositories = repositoriesOf(lock, facts);
  const members: readonly Member[] = [
    ...facts.files.map(({ path, content }) => ({ file: contentFile(path, 'manifest', content) })),
    { file: contentFile(LOCK_MEMBER, 'metadata', Buffer.from(formatLock(lock))) },
    ...lock.executables.map(executableMember),
    ...repositories.flatMap(({ members: own }) => own),
    ...(lock.listedFiles ?? []).map(fileMember),
    ...sortedBy(lock.images, ({ name }) => name).flatMap(imageMembers),
  ];
  const { files, origins } = united(members);
  const { name, version, date } = facts;
  const packages = repositories.flatMap((repository) => repository.packages);
  const sbom = sbomDocument({ name, version, platforms: lock.platforms, date, images: lock.images, packages, files });
  return {
    input: {
      name,
      version,
      platforms: lock.platforms,
      date,
      images: sortedBy(lock.images, ({ name }) => name).map(bundleImage),
      repositories: repositories.map(({ repository }) => repository),
      files: [...files, contentFile(SBOM_JSON, 'metadata', Buffer.from(sbom))],
    },
    origins,
  };
}

/** Unites members with one path. The bundle records the first origin; the others are asked when it fails. */
function united(members: readonly Member[]): { files: PlannedFile[]; origins: Map<string, Origin[]> } {
  const files = new Map<string, PlannedFile>();
  const origins = new Map<string, Origin[]>();
  const clashing: PlannedFile[] = [];
  for (const { file, origin } of members) {
    const known = files.get(file.path);
    if (known === undefined) files.set(file.path, file);
    // Two different files for one place: both are passed on, and planBundle reports the clash.
    else if (known.digest !== file.digest || known.size !== file.size) clashing.push(file);
    if (origin !== undefined) origins.set(file.path, [...(origins.get(file.path) ?? []), origin]);
  }
  return { files: [...files.values(), ...clashing], origins };
}

function contentFile(path: string, kind: PlannedFile['kind'], content: Uint8Array): PlannedFile {
  return { path, kind, size: content.byteLength, digest: digestOf(content), mode: 0o644, origin: 'builder', content };
}

function executableMember({ platform, digest, size }: BundleLock['executables'][number]): Member {
  const path = executableName(parsePlatform(platform));
  return { file: { path, kind: 'executable', size, digest, mode: 0o755, origin: 'builder' }, origin: { kind: 'executable', platform } };
}

function fileMember({ name, url, digest, size }: LockedListedFile): Member {
  const file = { path: filePath(name), kind: 'file', size, digest, mode: 0o644, origin: url } as const;
  return { file, origin: { kind: 'url', url } };
}

function imageMembers(image: LockedImage): Member[] {
  return descriptorsOf(image).map((descriptor) => ({
    file: {
      path: blobPath(descriptor.digest),
      kind: 'blob',
      size: descriptor.size,
      digest: descriptor.digest,
      mode: 0o644,
      origin: image.origin,
    },
    origin: { kind: 'image', source: image.source, descriptor },
  }));
}

function bundleImage({ name, source, root, manifests, artifacts, attached }: LockedImage): BundleImage {
  return {
    name,
    source,
    root,
    platforms: manifests,
    ...(artifacts === undefined ? {} : { artifacts }),
    ...(attached === undefined ? {} : { attached }),
  };
}

/** One repository for each operating system, with all its architectures. */
function repositoriesOf(lock: BundleLock, facts: { readonly name: string; readonly date: Date }): Repository[] {
  const ids = [...new Set(lock.operatingSystems.map(({ id }) => id))].toSorted(compareText);
  return ids.flatMap((id) =>
    repositoryOf(
      id,
      lock.operatingSystems.filter((os) => os.id === id),
      facts,
    ),
  );
}

function repositoryOf(
  id: string,
  systems: readonly LockedOperatingSystem[],
  facts: { readonly name: string; readonly date: Date },
): Repository[] {
  const [first] = systems;
  if (first === undefined) return [];
  const format = formatOfLocked(first);
  const { repository, metadata, packages } = format.write(systems, { id, label: facts.name, date: facts.date });
  return [
    {
      repository,
      packages: packages.map(({ path, record }) => ({ path, system: id, record, ...format.describe(record, id) })),
      members: [
        ...[...metadata].map(([path, content]) => ({ file: contentFile(path, 'repository', content) })),
        ...packages.map(packageMember),
      ],
    },
  ];
}

function packageMember({ path, record }: WrittenRepository['packages'][number]): Member {
  const url = addressOf(record);
  const file = { path, kind: 'package', size: record.size, digest: record.digest, mode: 0o644, origin: url } as const;
  return { file, origin: { kind: 'url', url } };
}
