import { readBackup, type BackupDocument, type Opener } from '../../backup/index.ts';
import { CaissonError, hasCode, type Clock } from '../../core/index.ts';
import { isOwnAddress } from '../../ssh/index.ts';
import { REAL_MACHINES, SiteConflictError, type Machines, type SiteRecord } from '../../site/index.ts';
import { backupSource } from './backup-source.ts';
import { missingData } from './data-places.ts';
import { withInstallLock } from '../install-lock.ts';
import { recordOf } from './restored-record.ts';
import { readPresentRecord, restoreConflicts, rotatedSince } from './restore-conflicts.ts';
import { planFiles, writeFiles, type RestoredFile } from './restored-files.ts';
import { seedAfter } from './restored-seed.ts';
import { layoutOf } from '../session.ts';
import { stagedPath } from '../site-sources.ts';

export interface RestoreOptions {
  /** Path of the backup. */
  readonly file: string;
  readonly opener: Opener;
  /** True when this machine becomes the seed in the place of another. */
  readonly newSeed?: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Replaced in tests by simulated machines. */
  readonly machines?: Machines;
}

export interface RestorePlan {
  readonly document: BackupDocument;
  readonly files: readonly RestoredFile[];
  /** Name of the seed after the restore. */
  readonly seed: string;
  /** Commands and edits that are left for the operator, in order. */
  readonly next: readonly string[];
}

/** Asks for approval of a plan before anything is written. When it returns false, the restore ends there. */
export type ApproveRestore = (plan: RestorePlan) => Promise<boolean>;

/**
 * Puts back what a backup has. All of the backup is checked before the first write, and the site record is written last: a
 * restore that is killed leaves no record, or everything, and is run again. Throws what openBackup and unpackBackup throw,
 * BACKUP_INVALID when the backup is not one of a whole site, SiteConflictError with every reason why it must not be restored
 * here, INTERRUPTED when it is not approved, BACKUP_WRITE_FAILED, and INSTALL_LOCKED while a run is under way.
 */
export async function restore(options: RestoreOptions, approve: ApproveRestore): Promise<RestorePlan> {
  return withInstallLock(layoutOf(options), async () => {
    const plan = await planRestore(options);
    if (!(await approve(plan))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was written');
    await writeFiles(plan.files, options.signal);
    return plan;
  });
}

/** Checks a backup and plans what a restore would write. Writes nothing. Throws as a restore does before its first write. */
export async function planRestore(options: RestoreOptions): Promise<RestorePlan> {
  const { file, clock, newSeed = false, machines = REAL_MACHINES } = options;
  const layout = layoutOf(options);
  const root = machines.seedRoot;
  const isOwn = machines.isOwnAddress ?? isOwnAddress;
  const { document, files } = await readBackup(await backupSource(file), options.opener, file);
  const restored = recordOf(document, files, file);
  const present = await readPresentRecord(layout);
  const now = clock.now();
  const after = seedAfter({ record: restored.record, spec: restored.spec, isOwn, newSeed, present: present.record, now });
  const plans = await planFiles(files, { root, layout, record: after.record });
  const records = { record: after.record, before: restored.record, present };
  const conflicts = [...after.conflicts, ...(await restoreConflicts(records, plans, { root, layout }))];
  if (conflicts.length > 0) throw new SiteConflictError(conflicts, 'restore this backup here');
  const hasBundle = await isStaged(restored.record, layout);
  const data = await missingData(after.record, after.record.seed, root);
  const putBack = data.map(
    ({ path, owner }) => `Put back the data of "${owner}" at ${path}: no backup of a seed has them, and without them it starts empty`,
  );
  const rotated = (await rotatedSince(after.record, files, root)).map(
    (name) =>
      `The authority "${name}" was rotated after this backup, and hosts do not trust the one in it: restore a later backup, or run caisson certificates rotate ${name}`,
  );
  const forget = after.forget === undefined ? '' : ` [--forget ${after.forget}]`;
  return {
    document,
    files: plans,
    seed: after.record.seed,
    next: [...rotated, ...putBack, ...after.next, `caisson install --offline${hasBundle ? '' : ' --bundle FILE'}${forget}`],
  };
}

async function isStaged({ bundle }: SiteRecord, layout: ReturnType<typeof layoutOf>): Promise<boolean> {
  if (bundle === undefined) return false;
  try {
    await stagedPath(bundle, layout);
    return true;
  } catch (error) {
    if (hasCode(error, 'INPUT_UNREADABLE')) return false;
    throw error;
  }
}
