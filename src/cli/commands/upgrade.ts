import { planUpgrade, upgrade } from '../../usecases/index.ts';
import type { RegisterCommand } from '../command.ts';
import { addLockFlags, addUpstreamFlags, supplyOfUpgrade, type SupplyFlags } from '../online/index.ts';
import { addBundleFlags, addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

/** `caisson upgrade`: another bundle, or another lock, on a site that is well. */
export const registerUpgrade: RegisterCommand = (program, run) => {
  const command = program
    .command('upgrade')
    .description('install another bundle on a cluster that is healthy, host by host; run it on the seed machine, as root')
    .option('--online', 'let the depot of the seed fetch what the lock names, in the place of a bundle');
  addUpstreamFlags(addLockFlags(addSiteFlags(addBundleFlags(command))))
    .option('--no-backup', 'make no backup first, where cluster.yaml has a backup section')
    .action((flags: SiteFlags & SupplyFlags & { readonly backup: boolean }) =>
      run(async (context) => {
        const supply = await supplyOfUpgrade(flags, context);
        const withBackup = flags.backup;
        return runSiteVerb(
          {
            plan: (options) => planUpgrade({ ...options, withBackup }),
            run: (options, approve) => upgrade({ ...options, withBackup }, approve),
          },
          flags,
          context,
          { supply },
        );
      }),
    );
};
