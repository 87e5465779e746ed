import type { Readable } from 'node:stream';
import type { Digest, Platform } from '../core/index.ts';
import type { Descriptor } from './descriptor.ts';

/** One manifest of a resolved image, with all that it needs: a bundle for one platform must hold all of it. */
export interface ResolvedManifest {
  readonly platform: Platform;
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  /** In the order of the manifest: lowest layer first. */
  readonly layers: readonly Descriptor[];
}

/** A manifest that says something about an image: a signature, an SBOM, an attestation. */
export interface AttachedManifest {
  readonly manifest: Descriptor;
  /** Digest in its own `subject`; absent where it is found by tag or in the index only. */
  readonly subject?: Digest;
  readonly artifactType: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Tags of the image's repository by which clients find it. */
  readonly tags: readonly string[];
  /** Its configuration and layers, each once. */
  readonly blobs: readonly Descriptor[];
}

/** A manifest that is no container image: a chart, a policy, a file that was pushed. It is for no platform. */
export interface ArtifactManifest {
  readonly manifest: Descriptor;
  /** As registries tell it: of the manifest, else the media type of its configuration (image-spec manifest.md, Guidelines for Artifact Usage). */
  readonly artifactType: string;
  /** Its configuration and layers, each once. */
  readonly blobs: readonly Descriptor[];
}

export interface ResolvedImage {
  /** The document that the name resolves to in the bundle: an index when the index is kept, else the one manifest. */
  readonly root: Descriptor;
  /** Every index and manifest document that must be carried, root included, each once. */
  readonly documents: readonly Descriptor[];
  /** The asked platforms, in the order asked; none for artifacts. */
  readonly manifests: readonly ResolvedManifest[];
  /** Present, and not empty, where the name stands for an artifact, or an index of artifacts alone. */
  readonly artifacts?: readonly ArtifactManifest[];
  /** Present when `attached` was asked for. */
  readonly attached?: readonly AttachedManifest[];
}

export interface ResolveOptions {
  readonly platforms: readonly Platform[];
  /**
   * Find the manifests attached to the image, too. An index is then kept as the root, since manifests are often attached
   * to the index.
   */
  readonly attached?: boolean;
  readonly signal?: AbortSignal;
}

export interface OpenBlobOptions {
  /** Start at this byte, after a connection broke. The stream holds bytes offset..size. */
  readonly offset?: number;
  readonly signal?: AbortSignal;
}

/** Where images come from: a registry, a Docker engine, an archive. */
export interface ImageSource {
  /** For messages and provenance: the address that is really asked. */
  describe(reference: string): string;
  /**
   * Resolves a reference to digests. Throws IMAGE_NOT_FOUND, IMAGE_PLATFORM_MISSING, IMAGE_UNSUPPORTED or a fetch error; sources on this machine throw
   * ARCHIVE_INVALID and INPUT_UNREADABLE, too.
   */
  resolve(reference: string, options: ResolveOptions): Promise<ResolvedImage>;
  /** Streams a blob or a manifest of the reference's repository, byte for byte; the caller checks digest and size. */
  openBlob(reference: string, descriptor: Descriptor, options?: OpenBlobOptions): Promise<Readable>;
  /** Bytes of a manifest or index by digest, checked. */
  readManifest(reference: string, digest: Digest, options?: { readonly signal?: AbortSignal }): Promise<Buffer>;
  close(): Promise<void>;
}
