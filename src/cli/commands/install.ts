import { CaissonError } from '../../core/index.ts';
import { install, planOnly } from '../../usecases/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { askForPlan, printPlan } from '../plan/index.ts';
import { addSiteFlags, siteOptions, type SiteFlags } from '../site/index.ts';

interface InstallFlags extends SiteFlags {
  readonly offline?: boolean;
  readonly plan?: boolean;
}

/**
 * `caisson install`: makes a cluster from a bundle and a cluster.yaml, or changes an installed one. Runs on the seed.
 */
export const registerInstall: RegisterCommand = (program, run) => {
  const command = program
    .command('install')
    .description('install a cluster from a bundle, or change it to what cluster.yaml says; run it on the seed machine, as root')
    .requiredOption('--bundle <file...>', 'the bundle, or volumes of it; for a delta also the bundles that it needs')
    .requiredOption('--cluster <file>', 'the hosts, as cluster.yaml')
    .option('--offline', 'use nothing but the bundle (there is no other way; say so)')
    .option('--plan', 'print what would be done and what follows from it, and change nothing')
    .option('--purge', 'remove the data of what is removed, too');
  addSiteFlags(command).action((flags: InstallFlags) => run((context) => runInstall(flags, context)));
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
