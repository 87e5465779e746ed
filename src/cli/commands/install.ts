import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { CaissonError } from '../../core/index.ts';
import { HOSTS_AT_ONCE } from '../../host/index.ts';
import { install, planOnly, type InstallOptions } from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { parseParallel } from '../parse-parallel.ts';
import { askForPlan, printPlan } from '../plan/index.ts';
import { addTrustFlags, trustFilesOf, type TrustFlags } from '../signing/trust-flags.ts';

export interface SiteFlags extends TrustFlags {
  readonly bundle: readonly string[];
  readonly cluster: string;
  readonly plan?: boolean;
  readonly yes?: boolean;
  readonly purge?: boolean;
  readonly forget?: readonly string[];
  readonly parallel: number;
}

interface InstallFlags extends SiteFlags {
  readonly offline?: boolean;
}

/** `caisson install`: from a bundle and a cluster.yaml to a running cluster, started on the seed machine. */
export const registerInstall: RegisterCommand = (program, run) => {
  const command = program
    .command('install')
    .description('install a cluster from a bundle, or change it to what cluster.yaml says; run it on the seed machine, as root')
    .requiredOption('--bundle <file...>', 'the bundle, or volumes of it; for a delta also the bundles that it needs')
    .requiredOption('--cluster <file>', 'the hosts, as cluster.yaml')
    .option('--offline', 'use nothing but the bundle (there is no other way; say so)')
    .option('--plan', 'print what would be done and what follows from it, and change nothing')
    .option('--yes', 'do not ask before the first change')
    .option('--purge', 'remove the data of what is removed, too')
    .option('--forget <host>', 'let a host go that leaves the cluster and is lost for good', collect)
    .option('--parallel <number>', 'hosts that are connected and worked on at the same time', parseParallel, HOSTS_AT_ONCE);
  addTrustFlags(command).action((flags: InstallFlags) => run((context) => runInstall(flags, context)));
};

async function runInstall(flags: InstallFlags, context: CommandContext): Promise<void> {
  if (flags.offline !== true) {
    throw new CaissonError('USAGE', 'Cannot install without --offline: an install uses nothing but the bundle', { hint: 'Add --offline' });
  }
  const options = siteOptions(flags, context);
  if (flags.plan === true) {
    printPlan(await planOnly(options), context);
    return;
  }
  const started = context.clock.monotonic();
  const summary = await install(options, (planned) => askForPlan(planned, flags.yes === true, context));
  const seconds = Math.round((context.clock.monotonic() - started) / 1000);
  const text =
    summary.changed === 0
      ? `Everything was as declared; nothing was changed (${seconds} s)`
      : `Done: ${summary.changed} of ${summary.steps} steps changed something (${seconds} s)\nLook at the cluster with: caisson cluster`;
  context.print({ text, data: { ...summary, seconds } });
}

/** What every command that works on a site takes from its flags. */
export function siteOptions(flags: SiteFlags, context: CommandContext): InstallOptions {
  const clusterPath = resolve(flags.cluster);
  return {
    bundlePaths: flags.bundle.map((path) => resolve(path)),
    clusterPath,
    trust: trustFilesOf(flags),
    connect: { home: context.env['HOME'] ?? homedir(), directory: dirname(clusterPath), agentSocket: context.env['SSH_AUTH_SOCK'] },
    purge: flags.purge === true,
    forget: flags.forget ?? [],
    hostsAtOnce: flags.parallel,
    clock: context.clock,
    emit: context.emit,
    signal: context.signal,
  };
}
