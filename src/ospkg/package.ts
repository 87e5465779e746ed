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

/** Packages that are installed together. Sets are solved one by one, then united (two sets may conflict). */
export interface PackageSet {
  readonly name: string;
  readonly packages: readonly string[];
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
