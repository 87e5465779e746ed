import { seedLayout } from '../../site/index.ts';
import { planReset, reset } from '../../usecases/index.ts';
import type { RegisterCommand } from '../command.ts';
import { addBundleFlags, addSiteFlags, runSiteVerb, type SiteFlags, type SiteVerb } from '../site/index.ts';

/** `caisson reset`: removes everything that the installer made from every host of the site. */
export const registerReset: RegisterCommand = (program, run) => {
  const command = program
    .command('reset')
    .description('remove the cluster from all its hosts; run it on the seed machine, as root')
    .option('--purge', 'remove data, keys and secrets, too');
  addSiteFlags(addBundleFlags(command)).action((flags: SiteFlags) =>
    run((context) => {
      const kept =
        flags.purge === true
          ? `The journal of what was done stays on the seed: ${seedLayout().journal}`
          : 'Data stay on the hosts, keys and secrets on the seed; a new install uses them again';
      const describe: SiteVerb['describe'] = ({ changed }, seconds) =>
        changed === 0
          ? `Nothing of a cluster was left to remove (${seconds} s)`
          : `Removed the cluster: ${changed} steps changed something (${seconds} s)\n${kept}`;
      return runSiteVerb({ plan: planReset, run: reset, describe }, flags, context);
    }),
  );
};
