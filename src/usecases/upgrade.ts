import type { RunSummary } from '../engine/index.ts';
import { SiteConflictError, type SiteConflict } from '../site/index.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import { backupBefore, backupNotes, checkBackup } from './backup/backup-before.ts';
import { bundleBefore } from './bundle-before.ts';
import { describeMissing, missingOf } from './missing.ts';
import { changesNothing, type PlannedRun } from './planned-run.ts';
import type { Session } from './session.ts';
import { stagedName, unfinishedBundle } from './site-sources.ts';

export interface UpgradeOptions extends OperationOptions {
  /** False for an upgrade before which no backup is made. */
  readonly withBackup?: boolean;
}

function upgradeOf({ withBackup = true }: UpgradeOptions): Operation {
  return {
    name: 'upgrade',
    check: async (session, options) => {
      await checkUpgrade(session, options);
      if (withBackup) await checkBackup(session, options);
    },
    notes: async (session, _, plan) => (changesNothing(plan) ? [] : [...backupNotes(session, withBackup), ...(await returnNotes(session))]),
    ...(withBackup ? { prepare: backupBefore } : {}),
  };
}

/** Plans an upgrade and changes nothing. Throws as an upgrade does before its first change. */
export async function planUpgrade(options: UpgradeOptions): Promise<PlannedRun> {
  return planOperation(options, upgradeOf(options));
}

/**
 * Installs another bundle on a site that is well. Hosts and components change by their update policies, each seen healthy
 * before the next; the first failure ends the run with the rest still serving. Where cluster.yaml has a backup section, a
 * backup is made before the first change. Throws SiteConflictError with every reason why the site cannot be upgraded to this
 * bundle now, what checkBackup and backupBefore throw, and as runOperation does.
 */
export async function upgrade(options: UpgradeOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(options, upgradeOf(options), approve);
}

async function checkUpgrade(session: Session, { signal }: OperationOptions): Promise<void> {
  const { bundle, manifests } = session.request;
  const { name, version } = bundle.manifest;
  const inForce = session.record?.bundle;
  const where = `${name} ${version}`;
  if (session.record === undefined || inForce === undefined) {
    const remedy = 'Install it: caisson install --offline --bundle FILE --cluster FILE';
    throw new SiteConflictError([{ where, problem: 'nothing is installed yet that could be upgraded', remedy }]);
  }
  if (inForce.name !== name) {
    const remedy = `Take a bundle of ${inForce.name}; another platform is installed after a reset`;
    throw new SiteConflictError([{ where, problem: `it is another platform than ${inForce.name}, which is installed`, remedy }]);
  }
  const { upgradesFrom } = manifests.platform;
  if (upgradesFrom !== undefined && !upgradesFrom.some((pattern) => matches(inForce.version, pattern))) {
    const problem = `it upgrades ${upgradesFrom.join(', ')} only, and ${inForce.version} is installed`;
    throw new SiteConflictError([{ where, problem, remedy: 'Upgrade to one of these versions first' }]);
  }
  // A run that goes on where an upgrade stopped finds components as that upgrade left them.
  const isGoingOn = unfinishedBundle(session.record)?.digest === bundle.bundleDigest;
  const unhealthy = isGoingOn ? [] : await unhealthyHosts(session, signal);
  if (unhealthy.length > 0) throw new SiteConflictError(unhealthy);
}

/** Says what a rollback would have to fetch, because the depot has not fetched all of the bundle in force. */
async function returnNotes({ request, record, layout }: Session): Promise<readonly string[]> {
  const before = await bundleBefore(record, request.bundle.bundleDigest, layout);
  const missing = before === undefined ? undefined : await missingOf(stagedName(before.bundle, layout));
  if (before === undefined || missing === undefined || missing.members === 0) return [];
  const { name, version } = before.bundle;
  return [
    `The seed keeps ${name} ${version} as far as hosts have asked for it: ${describeMissing(missing)} were never fetched, and a rollback fetches those that hosts ask for (caisson rollback --online)`,
  ];
}

/** `5.1.*` matches every version that begins with `5.1.`; any other pattern is a version. */
function matches(version: string, pattern: string): boolean {
  return pattern.endsWith('*') ? version.startsWith(pattern.slice(0, -1)) : version === pattern;
}

/** Returns a conflict for each component of the site that its agent does not report as healthy, and for each silent agent. */
async function unhealthyHosts({ record, hosts, agents }: Session, signal: AbortSignal): Promise<readonly SiteConflict[]> {
  const remedy =
    'Mend it first; where the new bundle is the remedy: caisson install --offline --bundle FILE, which does not ask for health';
  const looked = Object.keys(record?.hosts ?? {}).map(async (name): Promise<readonly SiteConflict[]> => {
    const host = hosts.get(name);
    // Hosts that leave the cluster and are lost were named by the user.
    if (host === undefined || record?.hosts[name]?.roles.length === 0) return [];
    const answer = await agents.ask(host, signal);
    if ('silence' in answer) return [{ where: name, problem: `its agent does not answer: ${answer.silence}`, remedy }];
    return answer.status.components
      .filter(({ state }) => state !== 'healthy')
      .map((component) => ({ where: name, problem: `${component.name} is ${component.state}: ${component.reason}`, remedy }));
  });
  return (await Promise.all(looked)).flat();
}
