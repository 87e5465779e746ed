import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { CaissonError } from '../../core/index.ts';
import { install, planOnly, type InstallOptions, type PlannedStep, type Step } from '../../install/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addTrustFlags, trustFilesOf, type TrustFlags } from '../signing/trust-flags.ts';

interface Flags extends TrustFlags {
  readonly offline?: boolean;
  readonly bundle: readonly string[];
  readonly cluster: string;
  readonly plan?: boolean;
  readonly yes?: boolean;
}

/** `caisson install`: from a bundle and a cluster.yaml to a running cluster, started on the seed machine. */
export const registerInstall: RegisterCommand = (program, run) => {
  const command = program
    .command('install')
    .description('install a cluster from a bundle; run it on the seed machine, as root')
    .requiredOption('--bundle <file...>', 'the bundle, or volumes of it; for a delta also the bundles that it needs')
    .requiredOption('--cluster <file>', 'the hosts, as cluster.yaml')
    .option('--offline', 'use nothing but the bundle (there is no other way; say so)')
    .option('--plan', 'print the steps that would run, and change nothing')
    .option('--yes', 'do not ask before the first change');
  addTrustFlags(command).action((flags: Flags) => run((context) => runInstall(flags, context)));
};

async function runInstall(flags: Flags, context: CommandContext): Promise<void> {
  if (flags.offline !== true) {
    throw new CaissonError('USAGE', 'Cannot install without --offline: an install uses nothing but the bundle', { hint: 'Add --offline' });
  }
  const clusterPath = resolve(flags.cluster);
  const options: InstallOptions = {
    bundlePaths: flags.bundle.map((path) => resolve(path)),
    clusterPath,
    trust: trustFilesOf(flags),
    connect: { home: context.env['HOME'] ?? homedir(), directory: dirname(clusterPath), agentSocket: context.env['SSH_AUTH_SOCK'] },
    clock: context.clock,
    emit: context.emit,
    signal: context.signal,
  };
  if (flags.plan === true) {
    printPlan(await planOnly(options), context);
    return;
  }
  const started = context.clock.monotonic();
  const summary = await install(options, (steps, { spec }) => approve(steps, spec.nodes.length, flags, context));
  const seconds = Math.round((context.clock.monotonic() - started) / 1000);
  const text =
    summary.changed === 0
      ? `All ${summary.steps} steps were done already; nothing was changed (${seconds} s)`
      : `Installed: ${summary.changed} of ${summary.steps} steps changed something (${seconds} s)\nLook at the cluster with: caisson cluster`;
  context.print({ text, data: { ...summary, seconds } });
}

async function approve(steps: readonly Step[], hosts: number, flags: Flags, context: CommandContext): Promise<boolean> {
  if (flags.yes === true) return true;
  const question = `Run ${steps.length} steps on ${hosts} hosts (--plan lists them)?`;
  if (await context.confirm(question)) return true;
  context.emit({ type: 'note', message: 'Not confirmed; where there is no terminal, add --yes' });
  return false;
}

function printPlan(planned: readonly PlannedStep[], context: CommandContext): void {
  const open = planned.filter(({ done }) => !done).length;
  const rows = planned.map(({ step, done }) => [done ? 'done' : 'run', step.host, step.phase, step.summary]);
  const text = `${formatTable(['', 'HOST', 'PHASE', 'STEP'], rows)}\n${open} of ${planned.length} steps would run; nothing was changed`;
  const steps = planned.map(({ step, done }) => ({
    id: step.id,
    host: step.host,
    phase: step.phase,
    summary: step.summary,
    needs: step.needs,
    done,
  }));
  context.print({ text, data: { steps, open } });
}
