import type { FileTree } from './file-tree.ts';

/** The part of a tree under a directory, as a tree of its own. `directory` has no slash at either end. */
export function subtree(tree: FileTree, directory: string): FileTree {
  const inside = (path: string): string => (path === '' ? directory : `${directory}/${path}`);
  return {
    stat: (path) => tree.stat(inside(path)),
    open: (path, range) => tree.open(inside(path), range),
    list: (path) => tree.list(inside(path)),
  };
}
