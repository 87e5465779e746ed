import type { Digest } from '../core/index.ts';

/** One installable package as a repository offers it. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Source package name and version, for siblings that must move together. */
  readonly source: { readonly name: string; readonly version: string };
  /** Base URL of the repository, without a trailing slash. */
  readonly repository: string;
  /** Path of the file under the repository. */
  readonly filename: string;
  readonly size: number;
  readonly digest: Digest;
}

/**
 * The address of a package's file. The name of the file is text, not a part of a URL: a percent sign in it, which some
 * repositories write for the colon of an epoch, is one of the file's name.
 */
export function addressOf({ repository, filename }: Pick<PackageRecord, 'repository' | 'filename'>): string {
  return `${repository}/${encodeURI(filename).replaceAll('?', '%3F').replaceAll('#', '%23')}`;
}

/** Packages that are installed together. */
export interface PackageSet {
  readonly name: string;
  /** NAME, or NAME=VERSION, where a `*` in the version stands for any text. */
  readonly packages: readonly string[];
  /** True where packages that others recommend come along. */
  readonly recommends?: boolean;
  /** Roles and components that ask for the set, for messages: `role "compute"`. */
  readonly askedBy?: readonly string[];
}

/** The name in NAME=VERSION. */
export function packageNameOf(wanted: string): string {
  const equals = wanted.indexOf('=');
  return equals < 0 ? wanted : wanted.slice(0, equals);
}

/** A name that several packages provide alike, of which one was taken for no reason but its name. */
export interface PackageTie {
  readonly name: string;
  readonly taken: string;
  readonly others: readonly string[];
}

/** Fetches one file of a repository; undefined when the server says it does not exist (404). */
export type FetchFile = (url: string, options: { readonly limit: number; readonly signal?: AbortSignal }) => Promise<Buffer | undefined>;

/** The facts that every format records of a repository's metadata when it reads it. */
export interface LockedRelease {
  readonly url: string;
  /** RFC 3339, UTC, whole seconds. */
  readonly date: string;
  readonly digest: Digest;
}

/** A package as bundle.json lists it. */
export interface RepositoryPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** In the bundle. */
  readonly path: string;
  readonly set: readonly string[];
}
