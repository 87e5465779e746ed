import { CaissonError } from '../../core/index.ts';
import { planUpgrade, upgrade } from '../../usecases/index.ts';
import type { RegisterCommand } from '../command.ts';
import { addBundleFlag, addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

/** `caisson upgrade`: another bundle on a site that is well. */
export const registerUpgrade: RegisterCommand = (program, run) => {
  const command = program
    .command('upgrade')
    .description('install another bundle on a cluster that is healthy, host by host; run it on the seed machine, as root');
  addSiteFlags(addBundleFlag(command))
    .option('--no-backup', 'make no backup first, where cluster.yaml has a backup section')
    .action((flags: SiteFlags & { readonly backup: boolean }) =>
      run((context) => {
        if (flags.bundle === undefined) {
          throw new CaissonError('USAGE', 'Cannot upgrade without a bundle', {
            hint: 'Add --bundle FILE; to repair with the one that is installed: caisson install --offline',
          });
        }
        const withBackup = flags.backup;
        return runSiteVerb(
          {
            plan: (options) => planUpgrade({ ...options, withBackup }),
            run: (options, approve) => upgrade({ ...options, withBackup }, approve),
          },
          flags,
          context,
        );
      }),
    );
};
