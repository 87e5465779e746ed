import { formatTime, toCell } from '../../ui/index.ts';
import type { ScheduledBackup } from '../../usecases/index.ts';

export const BACKUP_HINT =
  'What the timer said of its backups: journalctl -u caisson-backup. Once the reason is mended, make one: caisson backup';

/** Formats the backups that the seed makes by itself as one line. */
export function formatBackup({ schedule, last }: ScheduledBackup): string {
  const made = last?.lastDone === undefined ? 'none was made yet' : `the last was made ${formatTime(last.lastDone)}`;
  const path = last?.path === undefined ? '' : `, ${last.path}`;
  const failed = last?.outcome === 'failed' ? `; one failed ${formatTime(last.time)}: ${last.reason ?? ''}` : '';
  return toCell(`Backups (${schedule}): ${made}${path}${failed}`);
}

/** Names the fault of these backups; undefined when there is none. */
export function faultOfBackup({ state }: ScheduledBackup): string | undefined {
  if (state === 'in time') return undefined;
  return state === 'failed' ? 'the last backup failed' : 'a backup is overdue';
}
