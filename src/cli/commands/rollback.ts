import { planRollback, rollback } from '../../usecases/index.ts';
import type { RegisterCommand } from '../command.ts';
import { addUpstreamFlags, supplyOfRollback, type UpstreamFlags } from '../online/index.ts';
import { addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

type RollbackFlags = SiteFlags & UpstreamFlags & { readonly offline?: true; readonly online?: true };

/** `caisson rollback`: back to the bundle before the last upgrade. */
export const registerRollback: RegisterCommand = (program, run) => {
  const command = program
    .command('rollback')
    .description('go back to the bundle before, which the seed keeps; run it on the seed machine, as root')
    .option('--offline', 'use nothing but what the seed has of it')
    .option('--online', 'let the depot of the seed fetch what was never fetched of it (default: as the site is supplied)');
  addUpstreamFlags(addSiteFlags(command)).action((flags: RollbackFlags) =>
    run(async (context) => {
      const supply = await supplyOfRollback(flags, context);
      return runSiteVerb({ plan: planRollback, run: rollback }, flags, context, { supply });
    }),
  );
};
