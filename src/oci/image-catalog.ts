import type { Descriptor } from './descriptor.ts';

/**
 * Which images there are, by full name (docker.io/library/nginx). A registry answers requests for tags and manifests
 * from it; the bytes of a descriptor come from a BlobStore.
 */
export interface ImageCatalog {
  /** Full repository names, sorted by ASCII. */
  repositories(): readonly string[];
  /** Tags of a repository, sorted by ASCII; undefined when there is no such repository. */
  tags(repository: string): readonly string[] | undefined;
  /** The manifest or index for a tag or a digest of this repository. */
  find(repository: string, reference: string): Descriptor | undefined;
  /** Manifests of this repository whose `subject` is the digest (distribution-spec, Listing Referrers). */
  referrers(repository: string, subject: string): readonly (Descriptor & { readonly artifactType?: string })[];
}
