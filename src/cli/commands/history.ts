import { join } from 'node:path';
import { CaissonError } from '../../core/index.ts';
import { readHistory, type HistoryRun } from '../../usecases/index.ts';
import { formatTable, formatTime, toCell } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';

interface Flags {
  readonly run?: string;
  readonly state?: string;
}

/** `caisson history`: lists the runs that changed the cluster, or the steps of one run. */
export const registerHistory: RegisterCommand = (program, run) => {
  program
    .command('history')
    .description('print the runs that changed the cluster and what came of them; run it on the seed')
    .option('--run <id>', 'the steps of one run, by the start of its id')
    .option('--state <directory>', 'a copy of /var/lib/caisson, in place of that of this machine')
    .action((flags: Flags) => run((context) => showHistory(flags, context)));
};

async function showHistory({ run, state }: Flags, context: CommandContext): Promise<void> {
  const journal = state === undefined ? undefined : join(state, 'journal.jsonl');
  const runs = await readHistory({ journal, machines: context.machines });
  if (run === undefined) {
    context.print({ text: runs.length === 0 ? 'There were no runs' : formatRuns(runs), data: { runs } });
    return;
  }
  const found = theRun(runs, run);
  context.print({ text: [formatRuns([found]), ...describeBundle(found), formatSteps(found)].join('\n\n'), data: { run: found } });
}

function theRun(runs: readonly HistoryRun[], start: string): HistoryRun {
  const found = runs.filter(({ run }) => run.startsWith(start));
  const [only, other] = found;
  if (only !== undefined && other === undefined) return only;
  const problem = only === undefined ? 'there is none' : `${found.length} runs begin so: ${found.map(({ run }) => run).join(', ')}`;
  throw new CaissonError('USAGE', `Cannot find run "${start}": ${problem}`, { hint: 'Take an id from: caisson history' });
}

function formatRuns(runs: readonly HistoryRun[]): string {
  const rows = runs.map(({ run, started, ended, operation, outcome, steps }) => [
    run,
    formatTime(started),
    ended === undefined ? '-' : formatTime(ended),
    operation,
    outcome,
    countSteps(steps),
  ]);
  return formatCells(['RUN', 'STARTED', 'ENDED', 'OPERATION', 'OUTCOME', 'STEPS'], rows);
}

/** The bundle of a run; nothing for a run of an earlier version, whose journal does not say how the bundle was accepted. */
function describeBundle({ bundle, accepted }: HistoryRun): readonly string[] {
  return accepted === undefined ? [] : [`Bundle ${toCell(bundle)}, ${toCell(accepted)}`];
}

function formatSteps({ steps }: HistoryRun): string {
  if (steps.length === 0) return 'It changed nothing';
  const rows = steps.map(({ started, host, outcome, summary, reason }) => [formatTime(started), host, outcome, summary, reason ?? '']);
  return formatCells(['STARTED', 'HOST', 'OUTCOME', 'STEP', 'REASON'], rows);
}

/** Names, summaries and reasons of a journal come from manifests and from hosts. */
function formatCells(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return formatTable(
    header,
    rows.map((row) => row.map(toCell)),
  );
}

function countSteps(steps: HistoryRun['steps']): string {
  const failed = steps.filter(({ outcome }) => outcome === 'failed').length;
  const done = steps.filter(({ outcome }) => outcome === 'done').length;
  return failed === 0 ? String(done) : `${done} done, ${failed} failed`;
}
