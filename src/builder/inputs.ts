import { compareText, formatPlatform, type Platform } from '../core/index.ts';
import { loadDocuments, type ManifestDocuments, type Manifests, type OperatingSystem } from '../manifests/index.ts';
import { directoryTree, type FileTree } from '../io/index.ts';
import { packageFormat, type PackageRequest, type PackageSet } from '../ospkg/index.ts';
import { formatSource } from '../sources/index.ts';
import { executableName, locateExecutables, type ExecutableFile, type SelfProgram } from './executables.ts';
import { FILES_MEMBER, fileListPaths, readFileLists, type ListedFile } from './file-lists.ts';
import { readImageLists, type ListedImage } from './image-lists.ts';
import { readTreeFile } from './input-files.ts';
import { IMAGES_MEMBER, type InputFile } from './plan.ts';
import { listName, requireOneStdin } from './read-lists.ts';
import { refuseServedNames } from './served-names.ts';
import type { FileRequest } from './resolve-files.ts';
import type { ImageRequest } from './resolve-images.ts';
import { readSealedFiles, watchedTree } from './sealed-files.ts';

/** The documents of a platform and its lists of images and files, each right for itself. */
export interface WrittenInputs extends ManifestDocuments {
  readonly images: readonly ListedImage[];
  /** Names of the lists of images, for messages. */
  readonly lists: readonly string[];
  readonly listedFiles: readonly ListedFile[];
  /** Paths of the lists of files. */
  readonly fileLists: readonly string[];
}

/** The inputs of a build that lie on this machine, read and checked. No request is sent for them. */
export interface BuildInputs {
  readonly written: WrittenInputs;
  /** Name and version of the platform, for the bundle's. */
  readonly name: string;
  readonly version: string;
  readonly platforms: readonly Platform[];
  readonly images: readonly ImageRequest[];
  readonly listedFiles: readonly FileRequest[];
  /** One for each operating system and platform. */
  readonly packages: readonly PackageRequest[];
  readonly executables: readonly ExecutableFile[];
  /** images.txt, files.txt, the manifests and the files that they refer to, by their paths in the bundle. */
  readonly files: readonly InputFile[];
}

/** The files of people from which a bundle is built. */
export interface WrittenPlaces {
  /** Directory. */
  readonly manifests: string;
  /** Files of lists, which are joined; `-` is the standard input. */
  readonly images: readonly string[];
  /** Files of lists of files, likewise; files.txt beside the first list of images, if it is there, when not given. */
  readonly listsOfFiles?: readonly string[] | undefined;
  readonly readStdin?: (() => Promise<Uint8Array>) | undefined;
}

export interface InputOptions extends WrittenPlaces {
  readonly platforms: readonly Platform[];
  /** Carry signatures, SBOMs and attestations of the images along. */
  readonly withReferrers?: boolean;
  /** Values of `--executable`. */
  readonly executables: readonly string[];
  readonly self: SelfProgram;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads and checks everything the user wrote. Throws INPUT_INVALID with every mistake of the manifests, of images.txt or of files.txt,
 * INPUT_UNREADABLE, EXECUTABLE_MISSING.
 */
export async function readInputs(options: InputOptions): Promise<BuildInputs> {
  const { platforms, signal } = options;
  const { tree, lists, written } = await readFiles(options);
  const { manifests } = written;
  const packages = await packageRequests(manifests, tree, platforms);
  const executables = await locateExecutables(platforms, { asked: options.executables, self: options.self, signal });
  const files = [...lists, ...(await readSealedFiles(tree))];
  refuseServedNames(written.listedFiles, [...files.map(({ path }) => path), ...executables.map(({ platform: of }) => executableName(of))]);
  return {
    written,
    name: manifests.platform.name,
    version: manifests.platform.version,
    platforms,
    images: written.images.flatMap((entry) => imageRequest(entry, options)),
    packages,
    executables,
    listedFiles: written.listedFiles.map(fileRequest),
    files,
  };
}

/** Reads and checks the documents and the lists alone. Throws INPUT_INVALID, INPUT_UNREADABLE. */
export async function readWritten(places: WrittenPlaces): Promise<WrittenInputs> {
  return (await readFiles(places)).written;
}

async function readFiles({ manifests: root, images, listsOfFiles, readStdin = noInput }: WrittenPlaces) {
  const tree = watchedTree(directoryTree(root));
  const documents = await loadDocuments(tree, { root });
  const fileLists = await fileListPaths(listsOfFiles, images);
  requireOneStdin([...images, ...fileLists]);
  const listed = await readImageLists(images, readStdin);
  const files = await readFileLists(fileLists, readStdin);
  const lists: InputFile[] = [
    { path: IMAGES_MEMBER, content: listed.content },
    ...(files.content === undefined ? [] : [{ path: FILES_MEMBER, content: files.content }]),
  ];
  const written = { ...documents, images: listed.entries, lists: images.map(listName), listedFiles: files.entries, fileLists };
  return { tree, lists, written };
}

/** The request of a line; none for an image that is wanted for other platforms than those of the build. */
function imageRequest(
  { source, name, platforms: own, file, line }: ListedImage,
  { platforms, withReferrers }: InputOptions,
): ImageRequest[] {
  const names = own?.map(formatPlatform);
  const wanted = names === undefined ? undefined : platforms.filter((platform) => names.includes(formatPlatform(platform)));
  if (wanted?.length === 0) return [];
  return [
    {
      source: formatSource(source),
      name,
      place: { file, line },
      ...(wanted === undefined ? {} : { platforms: wanted }),
      ...(withReferrers === true ? { attached: true } : {}),
    },
  ];
}

function fileRequest({ name, url, digest, file, line }: ListedFile): FileRequest {
  return { name, url, place: { file, line }, ...(digest === undefined ? {} : { digest }) };
}

async function noInput(): Promise<Uint8Array> {
  throw new Error('the standard input was not passed on');
}

async function packageRequests(manifests: Manifests, tree: FileTree, platforms: readonly Platform[]): Promise<PackageRequest[]> {
  const requests = await Promise.all(
    manifests.operatingSystems.map(async (system) => {
      const format = packageFormat(system.packages);
      const request = {
        id: `${system.id}-${system.version}`,
        source: await format.sourceOf(system, (file) => readTreeFile(tree, `os/${file}`)),
        sets: neededSets(system, manifests),
        together: setsOfRoles(manifests),
      };
      return platforms.map((platform) => ({ ...request, architecture: format.architectureOf(platform) }));
    }),
  );
  return requests.flat();
}

/**
 * The sets that roles and components ask for, and the base packages as one more. That the operating system has them all
 * was checked when the manifests were read.
 */
function neededSets(system: OperatingSystem, { roles, components }: Manifests): PackageSet[] {
  const asking = [
    ...[...roles.values()].map(({ name, packageSets }) => ({ by: `role "${name}"`, packageSets })),
    ...[...components.values()].map(({ name, packageSets }) => ({ by: `component "${name}"`, packageSets })),
  ];
  const sets = system.packageSets.flatMap((set) => {
    const askedBy = asking.filter(({ packageSets }) => packageSets.includes(set.name)).map(({ by }) => by);
    return askedBy.length === 0 ? [] : [{ ...set, askedBy }];
  });
  const base = system.base.packages.length === 0 ? [] : [{ name: 'base', packages: system.base.packages }];
  return [...sets, ...base].toSorted((left, right) => compareText(left.name, right.name));
}

/** The sets that a host of each role gets: its own, and those of its components. */
function setsOfRoles({ roles, components }: Manifests): string[][] {
  const lists = [...roles.values()].map((role) => [
    ...role.packageSets,
    ...role.components.flatMap((name) => components.get(name)?.packageSets ?? []),
  ]);
  const distinct = new Map(lists.map((names) => [...new Set(names)].toSorted(compareText)).map((names) => [names.join(' '), names]));
  return [...distinct.values()].filter((names) => names.length > 0).toSorted((left, right) => compareText(left.join(' '), right.join(' ')));
}
