import type { Clock } from '../../core/index.ts';
import type { Gauge, Sample } from '../../depot/index.ts';
import { listCertificates, seedLayout, type SeedTask, type SiteCertificate } from '../../site/index.ts';
import { scheduledRun, type ScheduledRun } from '../../usecases/index.ts';
import type { CommandContext } from '../command.ts';

/** Milliseconds for which one look at the notes of backups and renewals is enough: systemd is asked for their times. */
const TASKS_MS = 60_000;
/** Milliseconds for which one look at the certificates is enough: a large site has thousands, and they last for months. */
const CERTIFICATES_MS = 3_600_000;
const TASKS: readonly SeedTask[] = ['backup', 'renewal'];
/** Certificates that the seed uses itself, and that no host has. */
const OWN = ['depot', 'operator'];

type Context = Pick<CommandContext, 'clock' | 'signal' | 'machines'>;

/** A task of the seed. The run is undefined where its note cannot be read. */
interface Task {
  readonly task: SeedTask;
  readonly run: ScheduledRun | undefined;
}

/**
 * Gauges about the site of this seed: how the last backup and the last renewal of certificates ended and when the next is
 * overdue, and the ends of the authorities and of the seed's own certificates. Tasks without a timer have no samples.
 */
export function siteGauges(context: Context): readonly Gauge[] {
  const tasks = once(TASKS_MS, context.clock, async () => lookAtTasks(context));
  const certificates = once(CERTIFICATES_MS, context.clock, async () => certificatesOf(context));
  const ofTasks = (name: string, help: string, valueOf: (run: ScheduledRun | undefined) => number | undefined): Gauge => ({
    name: `caisson_task_${name}`,
    help,
    read: async () =>
      (await tasks()).flatMap(({ task, run }): Sample[] => {
        const value = valueOf(run);
        return value === undefined ? [] : [{ labels: { task }, value }];
      }),
  });
  return [
    ofTasks('last_well', 'Whether the last one ended well; 0 also where the note of it cannot be read.', wellOf),
    ofTasks('last_end_timestamp_seconds', 'Unix time at which the last one ended.', (run) => secondsOf(run?.last?.time)),
    ofTasks('last_well_timestamp_seconds', 'Unix time at which the last one that ended well did.', (run) => secondsOf(run?.last?.lastDone)),
    ofTasks('due_timestamp_seconds', 'Unix time after which one is overdue by its schedule.', (run) => secondsOf(run?.due?.toISOString())),
    {
      name: 'caisson_authority_not_after_timestamp_seconds',
      help: 'Unix time at which the authority ends.',
      read: async () =>
        (await certificates()).flatMap(({ name, isAuthority, ends }) => (isAuthority ? [sampleOf({ authority: name }, ends)] : [])),
    },
    {
      name: 'caisson_certificate_not_after_timestamp_seconds',
      help: 'Unix time at which the certificate ends.',
      read: async () =>
        (await certificates()).flatMap(({ name, isAuthority, ends }) =>
          !isAuthority && OWN.includes(name) ? [sampleOf({ component: 'caisson-seed', name }, ends)] : [],
        ),
    },
  ];
}

function sampleOf(labels: Sample['labels'], time: string): Sample {
  return { labels, value: Date.parse(time) / 1000 };
}

function secondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000;
}

function wellOf(run: ScheduledRun | undefined): number | undefined {
  if (run === undefined) return 0;
  if (run.last === undefined) return undefined;
  return run.last.outcome === 'done' ? 1 : 0;
}

async function lookAtTasks(context: Context): Promise<readonly Task[]> {
  const found = await Promise.all(
    TASKS.map(async (task): Promise<readonly Task[]> => {
      try {
        const run = await scheduledRun('seed', task, context);
        return run === undefined ? [] : [{ task, run }];
      } catch {
        return [{ task, run: undefined }];
      }
    }),
  );
  return found.flat();
}

/** Empty where they cannot be read: the gauges of the tasks are answered all the same. */
async function certificatesOf({ clock, machines }: Context): Promise<readonly SiteCertificate[]> {
  return listCertificates(seedLayout(machines?.seedRoot), clock).catch(() => []);
}

/** Looks at most once in a period, however often it is called. */
function once<T>(periodMs: number, clock: Clock, look: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly result: Promise<T> } | undefined;
  return () => {
    const now = clock.monotonic();
    if (last === undefined || now - last.at > periodMs) last = { at: now, result: look() };
    return last.result;
  };
}
