import { open, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { BACKUP_LIMIT, isSiteMember, type BackupFile, type BackupMember } from '../../backup/index.ts';
import { parseClusterSpec } from '../../cluster/index.ts';
import { CaissonError, digestOf, errnoOf, messageOf } from '../../core/index.ts';
import { limitExceeded, readTail } from '../../io/index.ts';
import type { SeedLayout } from '../../site/index.ts';
import { clusterPaths } from './cluster-paths.ts';

/** Most bytes of the journal that go into a backup. Of a longer one, its last lines do: no run needs it. */
const JOURNAL_BYTES = 64 * 2 ** 20;

export interface SeedFilesOptions {
  readonly layout: SeedLayout;
  /** Root directory of the files of the seed. Paths in the backup begin at it. */
  readonly root: string;
  readonly clusterPath: string;
  /** Home directory for paths of cluster.yaml that begin with ~/. */
  readonly home: string;
}

/**
 * Reads everything that only the seed has: the files of the site, cluster.yaml, and the files that a run reads because of it.
 * Throws INPUT_UNREADABLE when a file that must be there cannot be read, InvalidInputError for mistakes in cluster.yaml, and
 * LIMIT_EXCEEDED.
 */
export async function readSeedFiles({ layout, root, clusterPath, home }: SeedFilesOptions): Promise<readonly BackupFile[]> {
  const files: BackupFile[] = [];
  let left = BACKUP_LIMIT;
  const add = async (place: string, path: string, of: BackupMember['of']): Promise<void> => {
    if (files.some((file) => file.path === path)) return;
    const { content, ...rest } = await readMember(place, place === layout.journal ? JOURNAL_BYTES : undefined, left);
    left -= content.length;
    files.push({ path, of, size: content.length, ...rest, digest: digestOf(content), content });
  };
  for (const place of await sitePaths(layout)) {
    const path = join('/', relative(root, place));
    if (isSiteMember(path)) await add(place, path, 'site');
  }
  for (const path of await presentPaths(clusterPath, home)) await add(path, path, 'cluster');
  return files;
}

/** Paths of all regular files in the places of the seed, the record first. */
async function sitePaths(layout: SeedLayout): Promise<readonly string[]> {
  const { record, journal, authorities, secrets, certificates, depot, pki } = layout;
  const trees = await Promise.all([authorities, secrets, certificates, depot, pki].map(filesBelow));
  return [record, ...trees.flat(), ...((await isFile(journal)) ? [journal] : [])];
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${directory}": ${messageOf(cause)}`, { cause, hint: 'Run this as root' });
  }
}

/** Paths of cluster.yaml, of the files that it names, and of those of the login that are there without being named. */
async function presentPaths(clusterPath: string, home: string): Promise<readonly string[]> {
  const spec = parseClusterSpec((await readMember(clusterPath, undefined, BACKUP_LIMIT)).content.toString('utf8'), clusterPath);
  const paths = clusterPaths(spec, clusterPath, home);
  const present = await Promise.all(paths.map(async ({ path, isNamed }) => (isNamed || (await isFile(path)) ? [path] : [])));
  return present.flat();
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Reads a file with its mode and owner; with `tail`, at most its last bytes, from the start of a line on. */
async function readMember(path: string, tail: number | undefined, limit: number): Promise<Pick<BackupFile, 'content' | 'mode' | 'owner'>> {
  try {
    // Opening a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw new Error('it is not a regular file');
    const file = await open(path, 'r');
    try {
      const { size, mode, uid, gid } = await file.stat();
      if (Math.min(size, tail ?? size) > limit) throw limitExceeded(`"${path}" and the rest of the seed's files`, BACKUP_LIMIT);
      const content = await readTail(file, tail);
      return { content, mode: `0${(mode & 0o777).toString(8).padStart(3, '0')}`, owner: { user: uid, group: gid } };
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot back up "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Run this as root on the seed. A backup has cluster.yaml (another one with --cluster) and all files that it names: put the file back, or name it right',
    });
  }
}
