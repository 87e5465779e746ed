import { seedLayout } from '../../site/index.ts';
import { reset } from '../../usecases/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { askForPlan } from '../plan/index.ts';
import { addSiteFlags, siteOptions, type SiteFlags } from '../site/index.ts';

/** `caisson reset`: removes everything that the installer made from every host of the site. */
export const registerReset: RegisterCommand = (program, run) => {
  const command = program
    .command('reset')
    .description('remove the cluster from all its hosts; run it on the seed machine, as root')
    .requiredOption('--bundle <file...>', 'the bundle that is installed')
    .requiredOption('--cluster <file>', 'the hosts, as cluster.yaml')
    .option('--purge', 'remove data, keys and secrets, too');
  addSiteFlags(command).action((flags: SiteFlags) => run((context) => runReset(flags, context)));
};

async function runReset(flags: SiteFlags, context: CommandContext): Promise<void> {
  const summary = await reset(siteOptions(flags, context), (planned) => askForPlan(planned, flags.yes === true, context));
  const kept =
    flags.purge === true
      ? `\nThe journal of what was done stays on the seed: ${seedLayout().journal}`
      : '\nData stay on the hosts, keys and secrets on the seed; a new install uses them again';
  context.print({ text: `Removed: ${summary.changed} steps${kept}`, data: { ...summary } });
}
