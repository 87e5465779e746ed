import type { BundleRepository } from '../../bundle/index.ts';
import type { Digest, Emit } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import type { Content } from '../content.ts';
import type { PlacedFile } from '../placed-file.ts';

export interface PackageToolOptions {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** For tests. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** How a host takes packages from a repository of the depot. */
export interface SourceAccess {
  /** Settings beside the host's own, which are never touched. */
  readonly files: readonly PlacedFile[];
  /** File that holds the repository's metadata once they were taken. */
  readonly metadata: string;
}

export interface SourceRequest {
  readonly repository: BundleRepository;
  /** https://NAME:PORT of the depot. */
  readonly depot: string;
  /** The public key that the depot signs with; undefined while it has yet to be made. */
  readonly key: Content;
}

export interface Download {
  readonly url: string;
  readonly path: string;
  readonly digest: Digest;
  readonly mode: number;
  /** `user:group`; root:root when not given. */
  readonly owner?: string | undefined;
}

/** What a file is called beside its place until it is whole. */
export function downloadName(path: string): string {
  return `${path}.caisson-new`;
}

/**
 * The package tools of a distribution on a host, fed by the depot alone. Every function waits while another process holds
 * the tool's lock, and throws CommandFailedError with what the tool says.
 */
export interface PackageManager {
  access(request: SourceRequest): SourceAccess;
  /** Takes the metadata of the depot's repository. */
  refresh(host: Host, access: SourceAccess, options: PackageToolOptions): Promise<void>;
  /** Removes the metadata that were taken. */
  forget(host: Host, options: PackageToolOptions): Promise<void>;
  /** Versions of the packages of a list that are installed and configured. One command. */
  installed(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** True when a version is another one or newer, by the distribution's own order. */
  isAtLeast(version: string, wanted: string): boolean;
  /** Brings packages that a kill left half-way to a state that the tool works with. Removes nothing. */
  recover(host: Host, options: PackageToolOptions): Promise<void>;
  /** Installs packages with what they depend on; removes nothing for them. */
  install(host: Host, names: readonly string[], options: PackageToolOptions): Promise<void>;
  /** Removes packages and what came with them and nothing else needs. A package that is not there is no failure. */
  remove(host: Host, names: readonly string[], options: PackageToolOptions & { readonly purge: boolean }): Promise<void>;
  /** Fetches a file from the depot with what the base system has, checks its digest, then gives it its name. */
  download(host: Host, download: Download, signal: AbortSignal): Promise<void>;
}
