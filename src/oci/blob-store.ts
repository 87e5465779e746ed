import type { Readable } from 'node:stream';
import type { Digest } from '../core/index.ts';

/** Bytes `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Where blobs (layers, configs, manifests) are read from, by digest. */
export interface BlobStore {
  /** The size in bytes, or undefined when the store does not hold the blob. */
  stat(digest: Digest): Promise<{ readonly size: number } | undefined>;
  /** Streams the blob or a part of it. Throws BLOB_UNKNOWN when absent, RangeError for a range outside the blob. */
  open(digest: Digest, range?: ByteRange): Promise<Readable>;
}
