import type { Digest } from '../../core/index.ts';
import type { ArtifactManifest, AttachedManifest, Descriptor } from '../../oci/index.ts';
import type { PackageRepository } from '../../ospkg/index.ts';

/** A bundle is of the first version that can say what it holds, so that older readers read as much as they can. */
export const BUNDLE_API_VERSIONS = ['caisson.bundle/v1', 'caisson.bundle/v2'] as const;
export type BundleApiVersion = (typeof BUNDLE_API_VERSIONS)[number];

/** Kinds of members. The builder writes `metadata` from the members of other kinds. */
export type EntryKind = 'metadata' | 'manifest' | 'executable' | 'repository' | 'package' | 'document' | 'file' | 'blob';

/** Kinds that version 1 does not know. */
export const SINCE_VERSION_2: ReadonlySet<EntryKind> = new Set(['file']);

/** Kinds that a delta may leave to its bases: they are large, and their bytes never change under one path. */
export const MAY_LIE_IN_BASE: ReadonlySet<EntryKind> = new Set(['blob', 'package', 'executable', 'file']);

/** One member of the tar. bundle.json lists every member except itself and SHA256SUMS. */
export interface BundleEntry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly size: number;
  readonly digest: Digest;
  readonly mode: number;
  /** Byte offset of the member's data in the bundle. */
  readonly offset: number;
  /** Where the bytes came from: a URL or image reference without credentials; `builder` for members that the builder made. */
  readonly origin: string;
}

/** A member that the bundle lists and a base holds. */
export interface BaseEntry extends Omit<BundleEntry, 'offset'> {
  /** Identity of the bundle that holds the bytes under the same path. */
  readonly base: Digest;
}

/** A bundle without which a delta is not complete. */
export interface BundleBase {
  readonly name: string;
  readonly version: string;
  /** Its identity: the digest of its SHA256SUMS. */
  readonly digest: Digest;
}

export interface BundleImagePlatform {
  readonly platform: string;
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** One line of images.txt. */
export interface BundleImage {
  /** The name that nodes use: a full name with tag. */
  readonly name: string;
  /** The source as images.txt writes it. */
  readonly source: string;
  /** Index or manifest that the name stands for. */
  readonly root: Descriptor;
  readonly platforms: readonly BundleImagePlatform[];
  /** Present in the place of platforms when the name stands for an artifact, or an index of artifacts. Since version 2. */
  readonly artifacts?: readonly ArtifactManifest[];
  /** Present when the bundle was built with `--with-referrers`. */
  readonly attached?: readonly AttachedManifest[];
}

/** One package repository inside the bundle. */
export type BundleRepository = PackageRepository;

export interface BundleManifest {
  readonly apiVersion: BundleApiVersion;
  readonly kind: 'Bundle';
  readonly name: string;
  readonly version: string;
  readonly platforms: readonly string[];
  /** Content time (RFC 3339, UTC): SOURCE_DATE_EPOCH, else the newest upstream date in the lock. Never a clock. */
  readonly date: string;
  readonly images: readonly BundleImage[];
  readonly repositories: readonly BundleRepository[];
  /** Empty in a full bundle. Each base holds at least one of `baseEntries` in its own file, so a base of a base is never searched. */
  readonly bases: readonly BundleBase[];
  readonly entries: readonly BundleEntry[];
  /** Members of the whole that lie in a base. */
  readonly baseEntries: readonly BaseEntry[];
}
