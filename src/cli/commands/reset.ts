import { HOSTS_AT_ONCE } from '../../host/index.ts';
import { reset } from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { parseParallel } from '../parse-parallel.ts';
import { askForPlan } from '../plan/index.ts';
import { addTrustFlags } from '../signing/trust-flags.ts';
import { siteOptions, type SiteFlags } from './install.ts';

/** `caisson reset`: removes what the installer made from every host of the site. */
export const registerReset: RegisterCommand = (program, run) => {
  const command = program
    .command('reset')
    .description('remove the cluster from all its hosts; run it on the seed machine, as root')
    .requiredOption('--bundle <file...>', 'the bundle that is installed')
    .requiredOption('--cluster <file>', 'the hosts, as cluster.yaml')
    .option('--yes', 'do not ask before the first change')
    .option('--purge', 'remove data, keys and secrets, too')
    .option('--forget <host>', 'let a host go that is lost for good', collect)
    .option('--parallel <number>', 'hosts that are connected and worked on at the same time', parseParallel, HOSTS_AT_ONCE);
  addTrustFlags(command).action((flags: SiteFlags) => run((context) => runReset(flags, context)));
};

async function runReset(flags: SiteFlags, context: CommandContext): Promise<void> {
  const summary = await reset(siteOptions(flags, context), (planned) => askForPlan(planned, flags.yes === true, context));
  const kept = flags.purge === true ? '' : '\nData stay on the hosts, keys and secrets on the seed; a new install uses them again';
  context.print({ text: `Removed: ${summary.changed} steps${kept}`, data: { ...summary } });
}
