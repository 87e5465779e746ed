import { filePath } from '../bundle/index.ts';
import { subtree, type FileTree } from '../io/index.ts';
import { unionTrees } from './union.ts';

/** The members of bundles by their paths, and besides each file that the bundles carry by its own name. No path is both in one bundle. */
export function namedFiles(members: FileTree): FileTree {
  return unionTrees([members, subtree(members, filePath('').replace(/\/$/, ''))]);
}
