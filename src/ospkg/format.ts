import type { Clock, Digest, Emit, Platform } from '../core/index.ts';
import type { PackageSource } from './package-source.ts';
import type { LockedPackage, LockedSystem, PackageRepository, SystemPackages } from './documents.ts';
import type { FetchFile, PackageSet } from './package.ts';
import type { RepositoryKeyPair } from './repository-key.ts';

export type PackageFormatName = SystemPackages['packages'];

/** Which packages hosts of one operating system and architecture need. */
export interface PackageRequest {
  /** Such as debian-12; the repository in the bundle is called so. */
  readonly id: string;
  /** In the format's words. */
  readonly architecture: string;
  readonly source: PackageSource;
  readonly sets: readonly PackageSet[];
  /** Names of sets that one host gets together, one list for each kind of host. A set in no list is for itself. */
  readonly together?: readonly (readonly string[])[];
}

export interface LoadTools {
  /** Asks canonical addresses; mirrors are behind it. */
  readonly fetch: FetchFile;
  readonly clock: Clock;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

export interface CloseOptions {
  readonly signal?: AbortSignal;
  /** Versions by name of the package that are kept as long as they are on offer, whatever is newer. */
  readonly held?: ReadonlyMap<string, string>;
}

/** The metadata of a request's repositories, read and checked. */
export interface LoadedPackages {
  /**
   * Everything that a host with nothing but the repository needs, the base included. Throws PACKAGE_UNSOLVABLE as an
   * UnsolvableError, which explains every package of every set that cannot be installed, and REPOSITORY_INVALID.
   */
  close(options?: CloseOptions): Promise<LockedSystem>;
}

/** Chooses packages: from what a manifest says to what a lock says. */
export interface PackageResolver {
  /** The format's word for a CPU. Throws PLATFORM_INVALID. */
  architectureOf(platform: Platform): string;
  /** Where a manifest takes packages from. `readKeyring` reads the files that its keys name. */
  sourceOf(system: SystemPackages, readKeyring: (file: string) => Promise<Uint8Array>): Promise<PackageSource>;
  /** Digest of everything that the answer to a request depends on, as far as this side decides it. */
  digestOf(request: PackageRequest): Digest;
  /** The same source, with a repository of a bundle at `url` in the place of all others, signed by the key in `keyring`. */
  sourceIn(repository: PackageRepository, source: PackageSource, at: { readonly url: string; readonly keyring: Uint8Array }): PackageSource;
  /**
   * Reads the metadata of the repositories and believes nothing before its signature. Throws REPOSITORY_UNTRUSTED,
   * REPOSITORY_EXPIRED, REPOSITORY_INVALID, DIGEST_MISMATCH, COMPRESSION_INVALID, LIMIT_EXCEEDED and what `fetch` throws.
   */
  load(request: PackageRequest, tools: LoadTools): Promise<LoadedPackages>;
  /** Negative when `left` is older, as the format orders versions. Never throws. */
  compareVersions(left: string, right: string): number;
}

export interface RepositoryFacts {
  readonly id: string;
  /** Name of who publishes the repository, for hosts that show it. */
  readonly label: string;
  /** Time of the content, never of the run: hosts with slow clocks refuse metadata from the future. */
  readonly date: Date;
}

/** A repository as it goes into a bundle. */
export interface WrittenRepository {
  readonly repository: PackageRepository;
  /** Metadata by path in the bundle. It is not signed: see `sign`. */
  readonly metadata: ReadonlyMap<string, Buffer>;
  /** Each package once, with the sets of all architectures. */
  readonly packages: readonly { readonly path: string; readonly record: LockedPackage }[];
}

export interface SignOptions {
  readonly key: RepositoryKeyPair;
  /** Time of the content, which signatures bear: hosts refuse signatures from the future of their clock. */
  readonly date: Date;
  /** Reads a file of the bundle. */
  readonly read: (path: string, options: { readonly limit: number }) => Promise<Buffer>;
}

/** Makes repositories: in the bundle, and at the site that serves it. */
export interface RepositoryMaker {
  /** The repository of one operating system with all its architectures. The same locks give the same bytes. */
  write(systems: readonly LockedSystem[], facts: RepositoryFacts): WrittenRepository;
  /**
   * The files that a site adds to a repository of a bundle, by path under the repository: signatures made with its own
   * key. The bundle carries none, so that the same lock gives the same bytes.
   */
  sign(repository: PackageRepository, options: SignOptions): Promise<ReadonlyMap<string, Uint8Array>>;
  /** The shell lines with which a host uses a repository at `url`, whose key is at `keyUrl`. */
  clientSetup(repository: PackageRepository, addresses: { readonly url: string; readonly keyUrl: string }): readonly string[];
  /** Names of repository files that are plain text. */
  readonly textFiles: readonly string[];
}

/** A package as lists of content, such as an SBOM, name it. */
export interface PackageDescription {
  /** The parts of a package URL (github.com/package-url/purl-spec). */
  readonly purl: {
    readonly type: string;
    readonly namespace: string;
    readonly name: string;
    readonly version: string;
    readonly qualifiers: Readonly<Record<string, string>>;
  };
  /** As the metadata says it, where it does. */
  readonly licence?: string;
  /** The person or group that maintains the package, where the metadata says it. */
  readonly supplier?: { readonly name: string; readonly email?: string };
  /** Names of which one is needed, for each dependency. */
  readonly needs: readonly (readonly string[])[];
  /** Names besides its own for which it stands. */
  readonly provides: readonly string[];
  readonly isForAllArchitectures: boolean;
}

/** The format's branches of our documents. */
export interface PackageDocuments {
  /** The one order of keys and lists, with nothing besides what the lock records. */
  lockInOrder(system: LockedSystem): LockedSystem;
  /** The one order of keys and lists in bundle.json. */
  repositoryInOrder(repository: PackageRepository): PackageRepository;
  /** `system` is the id of the operating system, such as debian-12. */
  describe(record: LockedPackage, system: string): PackageDescription;
  /** True for a package of a repository that has nothing but updates for security, as far as its address and suites tell. */
  isForSecurity(record: LockedPackage, system: LockedSystem): boolean;
}

/**
 * A kind of package manager, as building and serving need it. Methods take only documents whose own key names the format:
 * find the format by `packageFormat` or `formatOfLocked`. Every format passes test/contract/package-format.ts.
 */
export interface PackageFormat extends PackageResolver, RepositoryMaker, PackageDocuments {
  readonly name: PackageFormatName;
}
