import type { BundleRepository } from '../../bundle/index.ts';
import type { Digest, Emit } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import type { Content } from '../content.ts';
import type { PlacedFile } from '../placed-file.ts';

export interface PackageToolOptions {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Waits between attempts; tests replace it. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** Access of a host to the packages of a depot's repository. */
export interface SourceAccess {
  /** Directory of the fetched metadata. */
  readonly lists: string;
  /** Configuration files beside the host's own, which are never changed. */
  readonly files: readonly PlacedFile[];
  /** Path of the file that holds the repository's metadata after a refresh. */
  readonly metadata: string;
}

export interface SourceRequest {
  readonly repository: BundleRepository;
  /** https://NAME:PORT of the depot. */
  readonly depot: string;
  /** The public key of the pair that the depot signs with. */
  readonly key: Content;
  /** The public keys that sign the packages, where the bundle carries packages with signatures of their vendors. */
  readonly vendorKeys: readonly Content[];
}

export interface Download {
  readonly url: string;
  readonly path: string;
  /** Undefined for a file that the caller checks. */
  readonly digest: Digest | undefined;
  readonly mode: number;
  /** `user:group`; root:root when not given. */
  readonly owner?: string | undefined;
}

/** Temporary name of a file in the directory of its target, used until the file is complete. */
export function downloadName(path: string): string {
  return `${path}.caisson-new`;
}

/** The bundle's repository for hosts of one operating system and architecture, for simulations before any depot serves it. */
export interface SimulationRequest {
  readonly repository: BundleRepository;
  /** As the repository names it. */
  readonly architecture: string;
  /** Time of the bundle's content. */
  readonly date: Date;
  /** Reads a file of the bundle. */
  readonly read: (path: string, options: { readonly limit: number }) => Promise<Buffer>;
}

/** One reason why an install on a host would fail or harm it. */
export interface PackageProblem {
  readonly problem: string;
  readonly remedy: string;
}

/** The outcome of an install on a host, with the packages that the host has. */
export interface PackageSimulation {
  readonly installs: readonly { readonly name: string; readonly version: string }[];
  readonly upgrades: readonly { readonly name: string; readonly before: string; readonly version: string }[];
  /** Empty where the install removes nothing, lets held packages be, and can be done. */
  readonly problems: readonly PackageProblem[];
}

/**
 * Asks the package tool of a host what installing these packages would do, and changes nothing. Runs one command. Throws
 * CommandFailedError when the tool cannot tell.
 */
export type Simulator = (
  host: Host,
  wanted: readonly { readonly name: string; readonly recommends: boolean }[],
  signal: AbortSignal,
) => Promise<PackageSimulation>;

/** How preflight asks a host about its packages, before any run. */
export interface PackageProbe {
  /** Directory of downloaded packages, whose file system must have room for them. */
  readonly cache: string;
  /** Lines of a shell script. They print the name of the package that the file "$1" came with, or fail. */
  readonly packageOf: string;
  /** Lines of a shell script. They print `broken NAME` for each package whose installation or removal did not end. */
  readonly broken: string;
  /** Commands by which a person mends such packages. */
  readonly mend: string;
  /** The command by which a person lists packages. */
  readonly list: string;
}

/**
 * The package tools of a distribution on a host, with the depot as the only package source. The functions that run a tool
 * wait while another process holds its lock, and throw CommandFailedError with the message of the tool.
 */
export interface PackageManager {
  readonly probe: PackageProbe;
  /** Path of the file that is written after a refresh. It names the bundle that the metadata come from. */
  readonly note: string;
  /** Words of the architecture of packages that run on a CPU. The CPU is named as Go names it. */
  architectures(cpu: string): readonly string[];
  access(request: SourceRequest): SourceAccess;
  /** Prepares simulations for all hosts that use this repository. Throws what `read` throws. */
  simulator(request: SimulationRequest): Promise<Simulator>;
  /** Fetches the metadata of the depot's repository. */
  refresh(host: Host, access: SourceAccess, options: PackageToolOptions): Promise<void>;
  /** Removes the fetched metadata. */
  forget(host: Host, options: PackageToolOptions): Promise<void>;
  /** Resolves to the versions of those packages that are installed and configured, by name. Runs one command. */
  installed(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** True when `version` equals `wanted` or is newer, by the version order of the distribution. */
  isAtLeast(version: string, wanted: string): boolean;
  /** Repairs packages that an interrupted run left half-installed, so that the tool works again. Removes no package. */
  recover(host: Host, options: PackageToolOptions): Promise<void>;
  /** Installs packages with their dependencies. Fails instead of removing a package for them. */
  install(host: Host, names: readonly string[], options: PackageToolOptions & { readonly recommends: boolean }): Promise<void>;
  /**
   * Removes packages, and the dependencies that came with them and that no other package needs. A package that is not
   * installed is skipped.
   */
  remove(host: Host, names: readonly string[], options: PackageToolOptions & { readonly purge: boolean }): Promise<void>;
  /** Downloads a file from the depot with the tools of the base system, checks its digest, then gives it its name. */
  download(host: Host, download: Download, signal: AbortSignal): Promise<void>;
}
