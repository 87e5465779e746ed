import { CaissonError } from '../../core/index.ts';
import { install, planInstall } from '../../usecases/index.ts';
import type { RegisterCommand } from '../command.ts';
import { addBundleFlag, addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

interface InstallFlags extends SiteFlags {
  readonly offline?: boolean;
}

/**
 * `caisson install`: makes a cluster from a bundle and a cluster.yaml, or changes an installed one. Runs on the seed.
 */
export const registerInstall: RegisterCommand = (program, run) => {
  const command = program
    .command('install')
    .description('install a cluster from a bundle, or change it to what cluster.yaml says; run it on the seed machine, as root')
    .option('--offline', 'use nothing but the bundle (there is no other way; say so)')
    .option('--purge', 'remove the data of what is removed, too');
  addSiteFlags(addBundleFlag(command)).action((flags: InstallFlags) =>
    run((context) => {
      if (flags.offline !== true) {
        throw new CaissonError('USAGE', 'Cannot install without --offline: an install uses nothing but the bundle', {
          hint: 'Add --offline',
        });
      }
      return runSiteVerb({ plan: planInstall, run: install }, flags, context);
    }),
  );
};
