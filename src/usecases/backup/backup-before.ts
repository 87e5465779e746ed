import { isThere } from '../../io/index.ts';
import type { SiteRecord } from '../../site/index.ts';
import type { OperationOptions, Prepared } from '../operation.ts';
import type { Session } from '../session.ts';
import { unfinishedBundle } from '../site-sources.ts';
import { writeLocked, type BackupResult } from './backup.ts';
import { backupOf } from './declared-backup.ts';
import { notedRun } from '../noted-run.ts';

const WITHOUT = 'To go on without a backup: --no-backup';

/** Lines of a plan that say whether a backup is made before its first change. */
export function backupNotes({ request, record }: Session, withBackup: boolean): readonly string[] {
  const { backup } = request.spec;
  if (!withBackup) return ['No backup is made first, as --no-backup asks'];
  if (backup === undefined) return ['No backup is made first: cluster.yaml has no backup section'];
  const path = recordedBackup(record, request.bundle.bundleDigest);
  const makes = `a backup is made first, with data of components, in ${backup.directory}, for the keys of ${backup.recipients.join(', ')}`;
  return [path === undefined ? capital(makes) : `The backup from before this upgrade is ${path}; where it is gone, ${makes}`];
}

/** Throws what backupOf throws for a backup section by which no backup can be made, before the plan is shown. */
export async function checkBackup({ request, cluster }: Session, { connect }: OperationOptions): Promise<void> {
  if (request.spec.backup !== undefined) await backupOf(request.spec.backup, cluster.path, connect.home);
}

/**
 * Makes the backup before an upgrade, as cluster.yaml declares it. The caller holds the install lock. An upgrade that goes on
 * makes none while the one of its beginning is there. Throws what backup throws.
 */
export async function backupBefore({ request, record, cluster }: Session, options: OperationOptions): Promise<Prepared> {
  const { connect, clock, emit, signal, machines } = options;
  const { backup } = request.spec;
  if (backup === undefined) return {};
  const made = recordedBackup(record, request.bundle.bundleDigest);
  if (made !== undefined && (await isThere(made))) return { backup: made };
  try {
    const places = { clock, emit, ...(machines === undefined ? {} : { machines }) };
    const make = async (): Promise<BackupResult> =>
      writeLocked({
        ...(await backupOf(backup, cluster.path, connect.home)),
        clusterPath: cluster.path,
        home: connect.home,
        agentSocket: connect.agentSocket,
        signal,
        ...places,
      });
    const { path, removed } = await notedRun('backup', places, make, (made) => ({ path: made.path }));
    emit({ type: 'note', message: `Backed up to ${path}` });
    for (const older of removed) emit({ type: 'note', message: `Removed the backup ${older}` });
    return { backup: path };
  } catch (error) {
    if (!signal.aborted) emit({ type: 'warning', message: 'The backup before the upgrade failed. No host was changed', hint: WITHOUT });
    throw error;
  }
}

/** Path of the backup that the unfinished runs to this bundle began with. */
function recordedBackup(record: SiteRecord | undefined, bundle: string): string | undefined {
  if (record === undefined || unfinishedBundle(record)?.digest !== bundle) return undefined;
  const { operations } = record;
  const since = operations.slice(operations.findLastIndex(({ outcome }) => outcome === 'done') + 1);
  return since.findLast((operation) => operation.bundle?.digest === bundle && operation.backup !== undefined)?.backup;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
