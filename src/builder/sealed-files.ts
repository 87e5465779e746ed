import { posix } from 'node:path';
import { CaissonError, compareText } from '../core/index.ts';
import { unsafeReason, type FileTree } from '../io/index.ts';
import { readTreeFile } from './input-files.ts';
import { MANIFESTS_MEMBER, type InputFile } from './plan.ts';

const FILES_LIMIT = 10_000;

/** The annotated cluster.yaml of a platform, for its sites: texts for operators name it by this path in the bundle. */
const EXAMPLE = 'examples/cluster.yaml';

/** The comment by which a document names the schema that editors check it with. */
const MODELINE = /^# yaml-language-server: \$schema=(\S+\.json)$/m;

/** A tree, and the path of every file that was opened in it. */
export interface WatchedTree extends FileTree {
  readonly opened: ReadonlySet<string>;
}

export function watchedTree(tree: FileTree): WatchedTree {
  const opened = new Set<string>();
  return {
    opened,
    stat: (path) => tree.stat(path),
    list: (directory) => tree.list(directory),
    open: async (path, range) => {
      const bytes = await tree.open(path, range);
      opened.add(path);
      return bytes;
    },
  };
}

/**
 * The files of a manifests directory that travel in the bundle, in the order of their paths: those that were opened to read
 * the manifests, since the installer reads them in the same way; the example of cluster.yaml; and the schemas that all of
 * these name for editors. Throws LIMIT_EXCEEDED, PATH_UNSAFE.
 */
export async function readSealedFiles(tree: WatchedTree): Promise<InputFile[]> {
  const paths = new Set(tree.opened);
  if ((await tree.stat(EXAMPLE)) !== undefined) paths.add(EXAMPLE);
  const files = new Map<string, Buffer>();
  // Paths that are added meanwhile are visited, too.
  for (const path of paths) {
    if (paths.size > FILES_LIMIT)
      throw new CaissonError('LIMIT_EXCEEDED', `Cannot bundle "${MANIFESTS_MEMBER}": it has more than ${FILES_LIMIT} files`);
    const content = await readTreeFile(tree, path);
    files.set(path, content);
    const schema = path.endsWith('.yaml') ? schemaOf(path, content) : undefined;
    if (schema !== undefined && (await tree.stat(schema)) !== undefined) paths.add(schema);
  }
  return [...files]
    .toSorted(([left], [right]) => compareText(left, right))
    .map(([path, content]) => ({ path: `${MANIFESTS_MEMBER}/${path}`, content }));
}

/** The path below the manifests of the schema that a document names; undefined for an address, and for a path elsewhere. */
function schemaOf(path: string, content: Buffer): string | undefined {
  const named = MODELINE.exec(content.toString('utf8'))?.[1];
  if (named === undefined) return undefined;
  const inside = posix.join(posix.dirname(path), named);
  return unsafeReason(inside) === undefined ? inside : undefined;
}
