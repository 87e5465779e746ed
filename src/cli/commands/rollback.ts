import { planRollback, rollback } from '../../usecases/index.ts';
import type { RegisterCommand } from '../command.ts';
import { addSiteFlags, runSiteVerb, type SiteFlags } from '../site/index.ts';

/** `caisson rollback`: back to the bundle before the last upgrade. */
export const registerRollback: RegisterCommand = (program, run) => {
  const command = program
    .command('rollback')
    .description('go back to the bundle before, which the seed keeps; run it on the seed machine, as root');
  addSiteFlags(command).action((flags: SiteFlags) => run((context) => runSiteVerb({ plan: planRollback, run: rollback }, flags, context)));
};
