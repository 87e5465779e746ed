import { debianArchitecture, type Platform } from '../core/index.ts';
import { loadManifests, type Manifests, type OperatingSystem } from '../manifests/index.ts';
import { directoryTree, type FileTree } from '../io/index.ts';
import type { AptSource, PackageSet } from '../ospkg/index.ts';
import { formatSource, parseImageList } from '../sources/index.ts';
import { locateExecutables, type ExecutableFile, type SelfProgram } from './executables.ts';
import { readInputFile, readTree, readTreeFile } from './input-files.ts';
import { compareText } from './ordering.ts';
import { IMAGES_MEMBER, MANIFESTS_MEMBER, type InputFile } from './plan.ts';
import type { ImageRequest } from './resolve-images.ts';
import type { PackageRequest } from './resolve-packages.ts';

/** Everything that a build is made from on this side: read, checked, with nothing of the network in it. */
export interface BuildInputs {
  /** Name and version of the platform, for the bundle's. */
  readonly name: string;
  readonly version: string;
  readonly platforms: readonly Platform[];
  readonly images: readonly ImageRequest[];
  /** One for each operating system and platform. */
  readonly packages: readonly PackageRequest[];
  readonly executables: readonly ExecutableFile[];
  /** images.txt and all of the manifests directory, by their paths in the bundle. */
  readonly files: readonly InputFile[];
}

export interface InputOptions {
  /** Directory. */
  readonly manifests: string;
  /** File. */
  readonly images: string;
  readonly platforms: readonly Platform[];
  /** Carry signatures, SBOMs and attestations of the images along. */
  readonly withReferrers?: boolean;
  /** Values of `--executable`. */
  readonly executables: readonly string[];
  readonly self: SelfProgram;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads and checks everything the user wrote. Throws INPUT_INVALID with every mistake of the manifests or of images.txt,
 * INPUT_UNREADABLE, EXECUTABLE_MISSING.
 */
export async function readInputs(options: InputOptions): Promise<BuildInputs> {
  const { platforms, signal } = options;
  const tree = directoryTree(options.manifests);
  const manifests = await loadManifests(tree, { root: options.manifests });
  const list = await readInputFile(options.images, 'the list of images');
  const entries = parseImageList(list.toString('utf8'), options.images);
  const packages = await packageRequests(manifests, tree, platforms);
  const executables = await locateExecutables(platforms, { asked: options.executables, self: options.self, signal });
  return {
    name: manifests.platform.name,
    version: manifests.platform.version,
    platforms,
    images: entries.map(({ source, name }) => ({
      source: formatSource(source),
      name,
      ...(options.withReferrers === true ? { attached: true } : {}),
    })),
    packages,
    executables,
    files: [{ path: IMAGES_MEMBER, content: list }, ...(await readTree(tree, MANIFESTS_MEMBER))],
  };
}

async function packageRequests(manifests: Manifests, tree: FileTree, platforms: readonly Platform[]): Promise<PackageRequest[]> {
  const requests = await Promise.all(
    manifests.operatingSystems.map(async (system) => {
      const request = {
        id: `${system.id}-${system.version}`,
        codename: system.codename,
        sources: await Promise.all(system.repositories.map((repository) => aptSource(repository, tree))),
        sets: neededSets(system, manifests),
        base: { priorities: system.base.priorities },
      };
      return platforms.map((platform) => ({ ...request, architecture: debianArchitecture(platform) }));
    }),
  );
  return requests.flat();
}

async function aptSource(repository: OperatingSystem['repositories'][number], tree: FileTree): Promise<AptSource> {
  const { url, suites, components, signedBy } = repository;
  return { url: url.replace(/\/+$/, ''), suites, components, keyring: await readTreeFile(tree, `os/${signedBy}`) };
}

/**
 * The sets that roles and components ask for, and the base packages as one more. That the operating system has them all
 * was checked when the manifests were read.
 */
function neededSets(system: OperatingSystem, { roles, components }: Manifests): PackageSet[] {
  const asked = new Set([...roles.values(), ...components.values()].flatMap(({ packageSets }) => packageSets));
  const sets = system.packageSets.filter(({ name }) => asked.has(name));
  const base = system.base.packages.length === 0 ? [] : [{ name: 'base', packages: system.base.packages }];
  return [...sets, ...base].toSorted((left, right) => compareText(left.name, right.name));
}
