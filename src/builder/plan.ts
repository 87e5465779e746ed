import { blobPath, SBOM_JSON, type BundleImage, type BundleInput, type BundleRepository, type PlannedFile } from '../bundle/index.ts';
import { digestOf, parsePlatform } from '../core/index.ts';
import { aptPoolPath, writeAptRepository } from '../ospkg/index.ts';
import { executableName } from './executables.ts';
import {
  formatLock,
  type BundleLock,
  type LockedDescriptor,
  type LockedImage,
  type LockedOperatingSystem,
  type LockedPackage,
} from './lock.ts';
import { compareText, sortedBy } from './ordering.ts';
import { sbomDocument, type SbomPackage } from './sbom.ts';

export const LOCK_MEMBER = 'bundle.lock.json';
export const IMAGES_MEMBER = 'images.txt';
export const MANIFESTS_MEMBER = 'manifests';

/** A file that the user wrote and that travels along, under its path in the bundle. */
export interface InputFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** Where the bytes of a member are to be had. Several origins offer the same bytes; the first is asked first. */
export type Origin =
  | { readonly kind: 'image'; readonly source: string; readonly descriptor: LockedDescriptor }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'executable'; readonly platform: string };

/** What goes into the bundle, and for every member without content where to get it. */
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

/** Each path once. The first one's origin is remembered in the bundle, the others are kept to fall back to. */
function united(members: readonly Member[]): { files: PlannedFile[]; origins: Map<string, Origin[]> } {
  const files = new Map<string, PlannedFile>();
  const origins = new Map<string, Origin[]>();
  const clashing: PlannedFile[] = [];
  for (const { file, origin } of members) {
    const known = files.get(file.path);
    if (known === undefined) files.set(file.path, file);
    // Two different files for one place: both are passed on, and planBundle says what is wrong.
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

function imageMembers(image: LockedImage): Member[] {
  const descriptors = [
    ...image.documents,
    ...image.manifests.flatMap(({ config, layers }) => [config, ...layers]),
    ...(image.attached ?? []).flatMap(({ manifest, blobs }) => [manifest, ...blobs]),
  ];
  return descriptors.map((descriptor) => ({
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

function bundleImage({ name, source, root, manifests, attached }: LockedImage): BundleImage {
  return { name, source, root, platforms: manifests, ...(attached === undefined ? {} : { attached }) };
}

/** One repository for each operating system, with all its architectures. */
function repositoriesOf(lock: BundleLock, facts: { readonly name: string; readonly date: Date }): Repository[] {
  const ids = [...new Set(lock.operatingSystems.map(({ id }) => id))].toSorted(compareText);
  return ids.map((id) =>
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
): Repository {
  const path = `apt/${id}`;
  const codename = systems[0]?.codename ?? id;
  const architectures = systems.map(({ architecture }) => architecture).toSorted(compareText);
  const packages = unitedPackages(systems);
  const metadata = writeAptRepository({
    codename,
    architectures,
    origin: 'Caisson',
    label: facts.name,
    date: facts.date,
    packages: packages.map((record) => ({ record, path: aptPoolPath(record) })),
  });
  return {
    repository: {
      id,
      type: 'apt',
      path,
      codename,
      architectures,
      components: ['main'],
      packages: packages.map((record) => ({
        name: record.name,
        version: record.version,
        architecture: record.architecture,
        path: `${path}/${aptPoolPath(record)}`,
        set: record.sets,
      })),
    },
    packages: packages.map((record) => ({ system: id, path: `${path}/${aptPoolPath(record)}`, record })),
    members: [
      ...[...metadata].map(([name, content]) => ({ file: contentFile(`${path}/${name}`, 'repository', content) })),
      ...packages.map((record) => packageMember(path, record)),
    ],
  };
}

/** Packages for all architectures come from the index of each: they are listed once, with the sets of both. */
function unitedPackages(systems: readonly LockedOperatingSystem[]): LockedPackage[] {
  const united = new Map<string, LockedPackage>();
  for (const record of systems.flatMap(({ packages }) => packages)) {
    const key = `${record.name} ${record.architecture} ${record.version} ${record.digest}`;
    const sets = new Set([...(united.get(key)?.sets ?? []), ...record.sets]);
    united.set(key, { ...record, sets: [...sets].toSorted(compareText) });
  }
  return sortedBy([...united.values()], ({ name, architecture, version }) => `${name} ${architecture} ${version}`);
}

function packageMember(repository: string, record: LockedPackage): Member {
  const url = `${record.repository}/${record.filename}`;
  return {
    file: {
      path: `${repository}/${aptPoolPath(record)}`,
      kind: 'package',
      size: record.size,
      digest: record.digest,
      mode: 0o644,
      origin: url,
    },
    origin: { kind: 'url', url },
  };
}
