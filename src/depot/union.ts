import { CaissonError } from '../core/index.ts';
import type { FileTree } from '../io/index.ts';
import type { BlobStore, ImageCatalog } from '../oci/index.ts';

/** Several stores as one; a blob is the same in whichever holds it. */
export function unionBlobs(stores: readonly BlobStore[]): BlobStore {
  return {
    async stat(digest) {
      for (const store of stores) {
        const found = await store.stat(digest);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    async open(digest, range) {
      for (const store of stores) {
        if ((await store.stat(digest)) !== undefined) return store.open(digest, range);
      }
      throw new CaissonError('BLOB_UNKNOWN', `Cannot read blob "${digest}": no bundle holds it`);
    },
  };
}

/** Several catalogs as one; for a tag in more than one the first wins. */
export function unionCatalogs(catalogs: readonly ImageCatalog[]): ImageCatalog {
  const repositories = sortedSet(catalogs.flatMap((catalog) => catalog.repositories()));
  return {
    repositories: () => repositories,
    tags(repository) {
      const found = catalogs.flatMap((catalog) => catalog.tags(repository) ?? []);
      return found.length > 0 || repositories.includes(repository) ? sortedSet(found) : undefined;
    },
    find: (repository, reference) => firstOf(catalogs, (catalog) => catalog.find(repository, reference)),
    referrers(repository, subject) {
      const found = catalogs.flatMap((catalog) => catalog.referrers(repository, subject));
      return [...new Map(found.map((descriptor) => [descriptor.digest, descriptor])).values()];
    },
  };
}

/** Several trees as one; for a file in more than one the first wins. */
export function unionTrees(trees: readonly FileTree[]): FileTree {
  return {
    async stat(path) {
      for (const tree of trees) {
        const found = await tree.stat(path);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    async open(path, range) {
      for (const tree of trees) {
        if ((await tree.stat(path)) !== undefined) return tree.open(path, range);
      }
      throw new CaissonError('FILE_UNKNOWN', `Cannot read "${path}": no bundle holds it`);
    },
    list: async (directory) => sortedSet((await Promise.all(trees.map((tree) => tree.list(directory)))).flat()),
  };
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function sortedSet(items: readonly string[]): readonly string[] {
  return [...new Set(items)].sort();
}
