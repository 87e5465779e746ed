import { readBackup } from '../../backup/index.ts';
import { digestOf } from '../../core/index.ts';
import { isOwnAddress } from '../../ssh/index.ts';
import { ifPresent, readTextFile } from '../../io/index.ts';
import { compareSeeds, REAL_MACHINES, SiteConflictError, type SiteRecord } from '../../site/index.ts';
import { missingData } from '../backup/data-places.ts';
import type { RestoreOptions } from '../backup/restore.ts';
import { backupSource } from '../backup/backup-source.ts';
import { readPresentRecord, restoreConflicts } from '../backup/restore-conflicts.ts';
import { planFiles } from '../backup/restored-files.ts';
import { recordOf } from '../backup/restored-record.ts';
import { layoutOf } from '../session.ts';
import { clusterOf } from '../site-sources.ts';
import type { AdoptOptions, Prepared } from './adoption.ts';
import { clusterOfNewSeed, recordOfNewSeed } from './new-seed.ts';
import { alreadyAdopted } from './already-adopted.ts';

/** Prepares an adoption from a backup. Writes nothing. Throws as a restore does before its first write. */
export async function prepareFromBackup(
  options: AdoptOptions,
  source: { readonly backup: Pick<RestoreOptions, 'file' | 'opener'> },
): Promise<Prepared> {
  const { machines = REAL_MACHINES, forget = [], address } = options;
  const layout = layoutOf(options);
  const root = machines.seedRoot;
  const isOwn = machines.isOwnAddress ?? isOwnAddress;
  const { document, files } = await readBackup(await backupSource(source.backup.file), source.backup.opener, source.backup.file);
  const restored = recordOf(document, files, source.backup.file);
  const present = await readPresentRecord(layout);
  if (present.record?.id === document.site.id && compareSeeds(present.record, restored.record) > 0) {
    return alreadyAdopted(present.record, options, clusterOf(present.record));
  }
  const clusterPath = options.clusterPath ?? document.cluster;
  const found = options.clusterPath === undefined ? await ifPresent(() => readTextFile(clusterPath)) : await readTextFile(clusterPath);
  const kept = files.find(({ path }) => path === document.cluster)?.content.toString('utf8') ?? '';
  const cluster = clusterOfNewSeed(found ?? kept, clusterPath, { forget, isOwn, address });
  const record: SiteRecord = {
    ...recordOfNewSeed(restored.record, cluster, options.clock.now()),
    cluster: { path: clusterPath, digest: digestOf(cluster.text) },
  };
  // A cluster.yaml that is there is edited in place; the backup's is written only where there is none.
  const own = files.flatMap((file) => {
    if (file.path !== document.cluster) return [file];
    const content = Buffer.from(cluster.text);
    return found === undefined ? [{ ...file, content, size: content.length, digest: digestOf(content) }] : [];
  });
  const plans = await planFiles(own, { root, layout, record });
  const conflicts = await restoreConflicts({ record, before: restored.record, present }, plans, { root, layout });
  if (conflicts.length > 0) throw new SiteConflictError(conflicts, 'make this machine the seed from this backup');
  const data = await missingData(record, record.seed, root);
  return {
    adoption: {
      site: document.site,
      before: document.seed,
      seed: record.seed,
      clusterPath,
      isClusterEdited: found !== undefined && found !== cluster.text,
      files: plans,
      notes: [
        `The backup is of ${document.time}: what a later run changed on the hosts, the record does not know`,
        ...(found === undefined || found === kept ? [] : [`${clusterPath} is used as it is there, and not the one in the backup`]),
        ...data.map(
          ({ path, owner }) => `The data of ${owner} are missing at ${path}: put them back before the install, or it starts empty`,
        ),
      ],
    },
    cluster: { before: found, after: cluster.text },
    staged: { record, files: own.filter(({ of }) => of === 'site') },
    bundlePaths: options.bundlePaths,
  };
}
