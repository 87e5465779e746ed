import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseRecipient } from '../../backup/index.ts';
import { parseClusterSpec, type ClusterSpec } from '../../cluster/index.ts';
import { CaissonError, messageOf } from '../../core/index.ts';
import { locateFile } from '../../ssh/index.ts';
import { readTextFile } from '../../io/index.ts';
import { openFileStore } from '../../site/index.ts';
import { layoutOf } from '../session.ts';
import { clusterOf, siteUnknown } from '../site-sources.ts';
import type { BackupOptions } from './backup.ts';

/** Where backups go, what they are encrypted to, and how many stay. */
export type DeclaredBackup = Pick<BackupOptions, 'output' | 'seal'> & { readonly keep: number };

/**
 * Reads the backup section of cluster.yaml, and the keys that it names. Undefined where there is no section. Throws
 * SITE_UNKNOWN where there is no record to tell the file from, INPUT_UNREADABLE, InvalidInputError, and what backupOf throws.
 */
export async function declaredBackup(
  options: Pick<BackupOptions, 'clusterPath' | 'home' | 'machines'>,
): Promise<DeclaredBackup | undefined> {
  const record = await openFileStore(layoutOf(options).record).read();
  if (record === undefined && options.clusterPath === undefined) throw siteUnknown('what is to be backed up');
  const clusterPath = options.clusterPath ?? (record === undefined ? '' : clusterOf(record));
  const { backup } = parseClusterSpec(await readTextFile(clusterPath), clusterPath);
  return backup === undefined ? undefined : backupOf(backup, clusterPath, options.home);
}

/**
 * Reads the keys of a backup section, and looks for its directory. Throws INPUT_UNREADABLE and CERTIFICATE_INVALID for a key,
 * BACKUP_WRITE_FAILED when the directory is not there.
 */
export async function backupOf(
  { directory, recipients, keep }: NonNullable<ClusterSpec['backup']>,
  clusterPath: string,
  home: string,
): Promise<DeclaredBackup> {
  const paths = recipients.map((path) => locateFile(path, { home, directory: dirname(clusterPath) }));
  const keys = await Promise.all(paths.map(async (path) => parseRecipient(await readTextFile(path), path)));
  await requireDirectory(directory);
  return { output: directory, seal: { recipients: keys }, keep };
}

/** The directory is not made: where it is a mount, a missing one would put backups beside what they protect. */
async function requireDirectory(directory: string): Promise<void> {
  let problem = 'it is not a directory';
  try {
    if ((await stat(directory)).isDirectory()) return;
  } catch (cause) {
    problem = messageOf(cause);
  }
  throw new CaissonError('BACKUP_WRITE_FAILED', `Cannot write backups to "${directory}", the directory of cluster.yaml: ${problem}`, {
    hint: `Mount it where it is a mount; otherwise make it: install -d -m 0700 ${directory}`,
  });
}
