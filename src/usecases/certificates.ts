import { CaissonError, type Clock } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { suggestName } from '../io/index.ts';
import { isMaking, type Change, type Making } from '../plan/index.ts';
import { filesOf } from '../resources/index.ts';
import { dueCertificates, listCertificates, type Machines } from '../site/index.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { layoutOf } from './session.ts';

const RENEW: Operation = { name: 'renew certificates' };
/** Most changes that a refusal names. */
const NAMED_CHANGES = 5;

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

/** Names of the certificates of this seed that the next run issues again because their end is near. */
export async function namesOfDue({ clock, machines }: { readonly clock: Clock; readonly machines?: Machines }): Promise<readonly string[]> {
  const all = await listCertificates(layoutOf({ ...(machines === undefined ? {} : { machines }) }), clock);
  return dueCertificates(all, clock).map(({ name }) => name);
}

/** Plans the renewal of the certificates that are due and changes nothing. Throws CHANGES_PENDING where the run would do more. */
export async function planDueRenewal(options: OperationOptions): Promise<PlannedRun> {
  const planned = await planOperation(options, RENEW);
  refuseOtherChanges(planned);
  return planned;
}

/**
 * Renews the certificates that are due and does nothing else, so that it may run unattended. Throws CHANGES_PENDING before the first
 * change where the run would also bring what cluster.yaml says anew, or put back what differs on a host; and as runOperation does.
 */
export async function renewDueCertificates(options: OperationOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(options, RENEW, async (planned) => {
    refuseOtherChanges(planned);
    return approve(planned);
  });
}

function refuseOtherChanges({ plan }: PlannedRun): void {
  const renewed = plan.changes.filter(isMaking).filter(({ resource }) => resource.kind === 'certificate');
  const others = plan.changes.flatMap((change): string[] => (isOfRenewal(change, renewed) ? [] : [describe(change)]));
  if (others.length === 0) return;
  const more = others.length > NAMED_CHANGES ? `, and ${others.length - NAMED_CHANGES} more` : '';
  throw new CaissonError(
    'CHANGES_PENDING',
    `Cannot renew certificates unattended: the run would make other changes, too: ${others.slice(0, NAMED_CHANGES).join('; ')}${more}`,
    {
      hint: 'Look at them and make them, which renews the certificates as well: caisson install --offline',
    },
  );
}

/** True for what stays, for a certificate, and for what reloads or restarts because of the files of one. */
function isOfRenewal(change: Change, renewed: readonly Making[]): boolean {
  if (change.action === 'keep') return true;
  if (change.action !== 'change' || change.isStopped === true) return false;
  const { resource } = change;
  if (resource.kind === 'certificate') return true;
  const here = renewed.filter(({ resource: { host } }) => host === resource.host);
  // The definition of services in containers has a digest of the files that they read.
  if (resource.kind === 'definition') return here.some(({ resource: { owner } }) => owner === resource.owner);
  if (resource.kind !== 'unit') return false;
  const { restartOn, reloadOn } = resource.spec;
  const written = new Set(here.flatMap(({ owned }) => filesOf(owned)));
  return [...restartOn, ...reloadOn].some((path) => written.has(path));
}

function describe(change: Change): string {
  if (change.action === 'remove') return `remove ${change.owned.kind} ${change.owned.key} on ${change.host}`;
  if (change.action === 'keep') return '';
  return `${change.action} ${change.resource.kind} ${change.resource.key} on ${change.resource.host} (${change.reason})`;
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
