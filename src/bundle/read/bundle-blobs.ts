import { CaissonError } from '../../core/index.ts';
import type { BlobStore } from '../../oci/index.ts';
import { blobPath } from '../format/member-path.ts';
import type { BundleReader } from './reader.ts';

/** The bundle's blobs, served in place. */
export function bundleBlobs(reader: BundleReader): BlobStore {
  return {
    stat: async (digest) => {
      const entry = reader.entry(blobPath(digest));
      return entry === undefined ? undefined : { size: entry.size };
    },
    open: async (digest, range) => {
      const path = blobPath(digest);
      if (reader.entry(path) === undefined) {
        throw new CaissonError('BLOB_UNKNOWN', `Cannot open blob "${digest}": "${reader.path}" does not hold it`);
      }
      return reader.open(path, range);
    },
  };
}
