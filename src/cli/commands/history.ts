import { readHistory, type JournalRun } from '../../usecases/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';

interface Flags {
  readonly run?: string;
  readonly state: string;
}

/** `caisson history`: lists the runs that changed the cluster, or the steps of one run. */
export const registerHistory: RegisterCommand = (program, run) => {
  program
    .command('history')
    .description('print the runs of installs and what came of them; run it on the seed')
    .option('--run <id>', 'the steps of one run, by the start of its id')
    .option('--state <directory>', 'where the installer keeps what it knows of the cluster', '/var/lib/caisson')
    .action((flags: Flags) => run((context) => showHistory(flags, context)));
};

async function showHistory(flags: Flags, context: CommandContext): Promise<void> {
  const runs = await readHistory(`${flags.state}/journal.jsonl`);
  if (flags.run === undefined) {
    const rows = runs.map(({ run, started, operation, outcome, steps }) => [run, started, operation, outcome, countSteps(steps)]);
    context.print({
      text: runs.length === 0 ? 'There were no runs' : formatTable(['RUN', 'STARTED', 'OPERATION', 'OUTCOME', 'STEPS'], rows),
      data: { runs },
    });
    return;
  }
  const wanted = flags.run;
  const [found] = runs.filter(({ run }) => run.startsWith(wanted));
  const rows = (found?.steps ?? []).map(({ started, host, outcome, summary, reason }) => [started, host, outcome, summary, reason ?? '']);
  const text = found === undefined ? `There was no run "${wanted}"` : formatTable(['STARTED', 'HOST', 'OUTCOME', 'STEP', 'REASON'], rows);
  context.print({ text, data: { run: found ?? null } });
}

function countSteps(steps: JournalRun['steps']): string {
  const failed = steps.filter(({ outcome }) => outcome === 'failed').length;
  const done = steps.filter(({ outcome }) => outcome === 'done').length;
  return failed === 0 ? String(done) : `${done}, ${failed} failed`;
}
