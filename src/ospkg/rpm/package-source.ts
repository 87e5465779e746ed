/** A repository as a .repo file names it. */
export interface RpmSource {
  /** The directory that holds repodata, without a trailing slash; `$basearch` stands for the architecture. */
  readonly url: string;
  /** True where the address is that of a metalink or a list of mirrors, each of which is such a directory. */
  readonly mirrors?: boolean;
  /** Whether its metadata is signed, too, or its packages alone. */
  readonly signed: 'metadata' | 'packages';
  /** Public keys, armored, each in a block of its own. */
  readonly keys: readonly string[];
  /** Patterns of packages that are taken from here, also where others have newer ones. */
  readonly prefer?: readonly string[];
  /** True where its packages may stand in for those of modules. */
  readonly moduleHotfixes?: boolean;
}

/** Where an operating system with rpm packages takes them from. */
export interface RpmPackageSource {
  readonly packages: 'rpm';
  readonly sources: readonly RpmSource[];
  /** Patterns of packages that are never taken. */
  readonly exclude?: readonly string[];
  /** Streams of modules that are enabled, as NAME:STREAM. */
  readonly modules?: readonly string[];
  /** Present for the repository of a bundle: the signatures of its packages were checked when these were locked. */
  readonly isChecked?: true;
  /** Packages that are shipped besides what the sets need. */
  readonly base: { readonly packages: readonly string[] };
}
