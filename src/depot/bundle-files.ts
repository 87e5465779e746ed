import type { BundleReader } from '../bundle/index.ts';
import { CaissonError, hexOf, type Digest } from '../core/index.ts';
import type { FileTree } from '../io/index.ts';
import { unchangedTree } from './demanded-bundle.ts';

/** Path below the depot of the file of a bundle. */
export function bundleFilePath(digest: Digest): string {
  return `bundles/${bundleFileName(digest)}`;
}

function bundleFileName(digest: Digest): string {
  return `${hexOf(digest)}.tar`;
}

/** The files of bundles as they are, each named by the digest of its bundle. */
export function bundleFiles(readers: readonly BundleReader[]): FileTree {
  const files = new Map(readers.map((reader) => [bundleFileName(reader.bundleDigest), reader]));
  const tree: FileTree = {
    stat: async (path) => {
      const reader = files.get(path);
      return reader === undefined
        ? undefined
        : { size: reader.size, digest: reader.bundleDigest, modified: new Date(reader.manifest.date) };
    },
    open: async (path, range) => {
      const reader = files.get(path);
      if (reader === undefined) throw new CaissonError('FILE_UNKNOWN', `Cannot read "${path}": no such bundle is served`);
      return reader.openFile(range);
    },
    list: async (directory) => (directory === '' ? [...files.keys()].sort() : []),
  };
  return unchangedTree(tree, (path) => files.get(path));
}
