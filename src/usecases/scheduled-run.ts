import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/index.ts';
import { ifPresent, readTextFile } from '../io/index.ts';
import {
  BACKUP_TIMER,
  readLastRun,
  REAL_MACHINES,
  RENEWAL_TIMER,
  UNITS,
  type LastRun,
  type Machines,
  type SeedTask,
} from '../site/index.ts';
import { layoutOf } from './session.ts';

/** A task that the seed does by itself, as its timer has it, and how the last one ended. */
export interface ScheduledRun {
  readonly schedule: string;
  /** Undefined where none was tried yet. */
  readonly last: LastRun | undefined;
  /** Time after which it is overdue. Undefined where the schedule has no two times. */
  readonly due: Date | undefined;
  /** Overdue: none ended well for twice the longest time between two of the schedule, however the last one ended. */
  readonly state: 'in time' | 'failed' | 'overdue';
}

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly machines?: Machines | undefined;
}

/** Times of a schedule that are asked for: those of a week where it is daily. */
const ITERATIONS = 8;

const TIMERS: Readonly<Record<SeedTask, string>> = { backup: BACKUP_TIMER, renewal: RENEWAL_TIMER };

/**
 * Looks at a task that the seed does by itself. Undefined where it has no timer for it. Throws INPUT_UNREADABLE when
 * the note of the last one cannot be read.
 */
export async function scheduledRun(seed: string, task: SeedTask, options: ScheduleOptions): Promise<ScheduledRun | undefined> {
  const { machines = REAL_MACHINES, clock } = options;
  const path = join(machines.seedRoot, UNITS, TIMERS[task]);
  const timer = await ifPresent(() => readTextFile(path));
  const schedule = timer === undefined ? undefined : /^OnCalendar=(.+)$/m.exec(timer)?.[1];
  if (schedule === undefined) return undefined;
  const last = await readLastRun(layoutOf({ machines }), task);
  // Before the first one, the time counts from the start of the schedule.
  const since = last?.lastDone === undefined ? (await stat(path)).mtimeMs : Date.parse(last.lastDone);
  const longest = await longestWait(seed, schedule, options);
  const due = longest === undefined ? undefined : new Date(since + 2 * longest);
  if (due !== undefined && clock.now() > due) return { schedule, last, due, state: 'overdue' };
  return { schedule, last, due, state: last?.outcome === 'failed' ? 'failed' : 'in time' };
}

/** Longest time between two of the next times of a schedule, as systemd has them. Undefined where systemd does not say. */
async function longestWait(
  seed: string,
  schedule: string,
  { machines = REAL_MACHINES, signal }: ScheduleOptions,
): Promise<number | undefined> {
  const host = machines.openSeed({ name: seed });
  try {
    const analyze = ['systemd-analyze', 'calendar', `--iterations=${ITERATIONS}`, '--', schedule];
    const { stdout } = await host.run({ argv: ['env', 'TZ=UTC', 'LC_ALL=C', ...analyze] }, { signal });
    const times = [...stdout.matchAll(/: \w{3} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\S* UTC$/gm)].map(([, day, time]) =>
      Date.parse(`${day}T${time}Z`),
    );
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? time));
    return waits.length === 0 ? undefined : Math.max(...waits);
  } finally {
    await host.close();
  }
}
