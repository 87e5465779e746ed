import type { Digest } from '../../core/index.ts';
import type { AttachedManifest, Descriptor } from '../../oci/index.ts';
import type { PackageRepository } from '../../ospkg/index.ts';

export const BUNDLE_API_VERSION = 'caisson.bundle/v1';

/** What a member of the bundle is. `metadata` is written by the builder from the others. */
export type EntryKind = 'metadata' | 'manifest' | 'executable' | 'repository' | 'package' | 'document' | 'blob';

/** Kinds that a delta leaves to its bases: what is large, and never changes under its path. */
export const MAY_LIE_IN_BASE: ReadonlySet<EntryKind> = new Set(['blob', 'package', 'executable']);

/** One member of the tar. bundle.json lists every member except itself and SHA256SUMS. */
export interface BundleEntry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly size: number;
  readonly digest: Digest;
  readonly mode: number;
  /** Byte offset of the member's data in the bundle. */
  readonly offset: number;
  /** Where the bytes came from: a URL or image reference without credentials; `builder` for what the builder made. */
  readonly origin: string;
}

/** What the bundle says of a member that it does not hold itself. */
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
  /** What nodes call it: a full name with tag. */
  readonly name: string;
  /** What it was asked for as. */
  readonly source: string;
  /** Index or manifest that the name stands for. */
  readonly root: Descriptor;
  readonly platforms: readonly BundleImagePlatform[];
  /** There when the bundle was built with it. */
  readonly attached?: readonly AttachedManifest[];
}

/** One package repository inside the bundle. */
export type BundleRepository = PackageRepository;

export interface BundleManifest {
  readonly apiVersion: typeof BUNDLE_API_VERSION;
  readonly kind: 'Bundle';
  readonly name: string;
  readonly version: string;
  readonly platforms: readonly string[];
  /** Content time (RFC 3339, UTC): SOURCE_DATE_EPOCH, else the newest upstream date in the lock. Never a clock. */
  readonly date: string;
  readonly images: readonly BundleImage[];
  readonly repositories: readonly BundleRepository[];
  /** None in a full bundle. Each holds at least one of baseEntries itself: there is no base of a base to look into. */
  readonly bases: readonly BundleBase[];
  readonly entries: readonly BundleEntry[];
  /** Members of the whole that lie in a base. */
  readonly baseEntries: readonly BaseEntry[];
}
