import { formatTime, toCell } from '../../ui/index.ts';
import type { SeedTask } from '../../site/index.ts';
import type { ScheduledRun } from '../../usecases/index.ts';

/** Words about a task that the seed does by itself. */
interface Words {
  readonly title: string;
  readonly none: string;
  readonly last: string;
  readonly failed: string;
  readonly overdue: string;
  readonly hint: string;
}

const WORDS: Readonly<Record<SeedTask, Words>> = {
  backup: {
    title: 'Backups',
    none: 'none was made yet',
    last: 'the last was made',
    failed: 'the last backup failed',
    overdue: 'a backup is overdue',
    hint: 'What the timer said of its backups: journalctl -u caisson-backup. Once the reason is mended, make one: caisson backup',
  },
  renewal: {
    title: 'Renewal of certificates',
    none: 'has not looked yet',
    last: 'last looked',
    failed: 'the last renewal of certificates failed',
    overdue: 'a renewal of certificates is overdue',
    hint: 'What the timer said of its renewals: journalctl -u caisson-renewal. Once the reason is mended: caisson certificates renew --due',
  },
};

/** Formats a task that the seed does by itself as one line. */
export function formatScheduled(task: SeedTask, { schedule, last }: ScheduledRun): string {
  const { title, none, last: lastWords } = WORDS[task];
  const made = last?.lastDone === undefined ? none : `${lastWords} ${formatTime(last.lastDone)}`;
  const path = last?.path === undefined ? '' : `, ${last.path}`;
  const renewed = last?.renewed === undefined || last.renewed.length === 0 ? '' : `, renewed ${last.renewed.join(', ')}`;
  const failed = last?.outcome === 'failed' ? `; one failed ${formatTime(last.time)}: ${last.reason ?? ''}` : '';
  return toCell(`${title} (${schedule}): ${made}${path}${renewed}${failed}`);
}

/** Names the fault of such a task, and where to look; undefined when there is none. */
export function faultOfScheduled(task: SeedTask, { state }: ScheduledRun): { readonly fault: string; readonly hint: string } | undefined {
  const { failed, overdue, hint } = WORDS[task];
  return state === 'in time' ? undefined : { fault: state === 'failed' ? failed : overdue, hint };
}
