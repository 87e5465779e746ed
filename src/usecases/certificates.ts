import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { suggestName } from '../io/index.ts';
import { listCertificates } from '../site/index.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { layoutOf } from './session.ts';

const RENEW: Operation = { name: 'renew certificates' };

/** Plans a renewal and changes nothing. Throws as a renewal does before its first change. */
export async function planRenewal(options: OperationOptions): Promise<PlannedRun> {
  return planOperation(await withKnownNames(options), RENEW);
}

/**
 * Issues the certificates in `options.renew` again, with new keys, and brings them to their hosts: what uses them reloads or
 * restarts as the platform says, host after host. An authority is not among them. Throws USAGE for a name that the site
 * does not have, and as runOperation does.
 */
export async function renewCertificates(options: OperationOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(await withKnownNames(options), RENEW, approve);
}

async function withKnownNames(options: OperationOptions): Promise<OperationOptions> {
  const known = (await listCertificates(layoutOf(options), options.clock))
    .filter(({ isAuthority }) => !isAuthority)
    .map(({ name }) => name);
  for (const name of options.renew ?? []) {
    if (!known.includes(name)) {
      throw new CaissonError('USAGE', `Cannot renew "${name}": the site has no such certificate`, {
        hint: [suggestName(name, known), 'List them: caisson certificates'].filter((part) => part !== undefined).join(' '),
      });
    }
  }
  return options;
}
