import { install, planInstall } from '../../usecases/index.ts';
import type { RegisterCommand } from '../command.ts';
import { addLockFlags, addUpstreamFlags, supplyOfFlags, type SupplyFlags } from '../online/index.ts';
import { addBundleFlags, addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

type InstallFlags = SiteFlags & SupplyFlags;

/**
 * `caisson install`: makes a cluster from a bundle or its lock and a cluster.yaml, or changes an installed one. Runs on the
 * seed.
 */
export const registerInstall: RegisterCommand = (program, run) => {
  const command = program
    .command('install')
    .description('install a cluster from a bundle, or change it to what cluster.yaml says; run it on the seed machine, as root')
    .option('--offline', 'use nothing but the bundle')
    .option('--online', 'let the depot of the seed fetch what the lock names, and keep it; hosts see only the depot')
    .option('--purge', 'remove the data of what is removed, too');
  addUpstreamFlags(addLockFlags(addSiteFlags(addBundleFlags(command)))).action((flags: InstallFlags) =>
    run(async (context) => {
      const supply = await supplyOfFlags(flags, context);
      return runSiteVerb({ plan: planInstall, run: install }, flags, context, { supply });
    }),
  );
};
