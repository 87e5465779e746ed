import { notABackup, type BackupDocument, type BackupFile } from '../../backup/index.ts';
import { parseClusterSpec, type ClusterSpec } from '../../cluster/index.ts';
import { CaissonError, messageOf } from '../../core/index.ts';
import { parseSiteRecord, seedLayout, type SiteRecord } from '../../site/index.ts';
import { missingKeys } from './backup-keys.ts';
import { clusterPaths } from './cluster-paths.ts';

/** Reads the site record and cluster.yaml of a backup. Throws BACKUP_INVALID when they, or keys of the site, are not whole. */
export function recordOf(
  document: BackupDocument,
  files: readonly BackupFile[],
  file: string,
): { readonly record: SiteRecord; readonly spec: ClusterSpec } {
  const textOf = (path: string): string => {
    const found = files.find((one) => one.path === path);
    if (found === undefined) throw notABackup(file, `it has no "${path}"`);
    return found.content.toString('utf8');
  };
  const record = inBackup(file, () => parseSiteRecord(textOf(seedLayout().record), seedLayout().record));
  const spec = inBackup(file, () => parseClusterSpec(textOf(document.cluster), document.cluster));
  if (record.id !== document.site.id || record.revision !== document.revision || record.seed !== document.seed)
    throw notABackup(file, 'its site record is not the one that backup.json describes');
  const known = new Set(clusterPaths(spec, document.cluster, document.home).map(({ path }) => path));
  const stranger = files.find(({ path, of }) => of === 'cluster' && !known.has(path));
  if (stranger !== undefined) throw notABackup(file, `cluster.yaml says nothing of "${stranger.path}"`);
  const missing = missingKeys(record, files);
  if (missing.length > 0) throw notABackup(file, `it lacks ${missing.join(', ')}, which its site record names`);
  return { record, spec };
}

function inBackup<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof CaissonError) throw notABackup(file, messageOf(cause), cause);
    throw cause;
  }
}
