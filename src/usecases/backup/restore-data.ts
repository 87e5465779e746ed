import { posix } from 'node:path';
import { readBackup, type BackupData, type Opener } from '../../backup/index.ts';
import type { Placement } from '../../cluster/index.ts';
import { CaissonError, type Clock, type Emit } from '../../core/index.ts';
import type { RunSummary } from '../../engine/index.ts';
import { HostsUnfitError } from '../../preflight/index.ts';
import { openFileStore, REAL_MACHINES, SiteConflictError, type Machines, type SiteRecord } from '../../site/index.ts';
import { refuseDown } from '../down-nodes.ts';
import { withInstallLock } from '../install-lock.ts';
import { journaledRun } from '../journaled-run.ts';
import { layoutOf } from '../session.ts';
import { clusterOf, siteUnknown } from '../site-sources.ts';
import { backupSource } from './backup-source.ts';
import { withDataSession, type DataSession, type DataSite } from './data-session.ts';
import { dataSteps } from './data-steps.ts';
import {
  chosenComponents,
  lookAtTarget,
  readDataDocument,
  restorePlace,
  targetsOf,
  type DataTarget,
  type RestoreDataPlan,
} from './data-targets.ts';

export interface RestoreDataOptions {
  /** Path of the backup. */
  readonly file: string;
  readonly opener: Opener;
  /** Components whose data are put back; all of the backup when it is empty. */
  readonly components?: readonly string[];
  readonly home: string;
  readonly agentSocket?: string | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly machines?: Machines;
}

export type { RestoreDataPlan } from './data-targets.ts';

export type ApproveRestoreData = (plan: RestoreDataPlan) => Promise<boolean>;

/** Plans a restore of data and changes nothing. Throws as the restore does before its first change. */
export async function planRestoreData(options: RestoreDataOptions): Promise<RestoreDataPlan> {
  return withPlan(options, async ({ plan }) => plan);
}

/**
 * Puts data of components back, on the cluster that runs. The components stop, and before them all that need them; data that
 * are there are moved aside and never overwritten; then the restore actions of the platform run, and everything starts again
 * in the order of needs, each seen healthy before the next. A restore that was killed is run again. Throws SITE_UNKNOWN,
 * SiteConflictError and USAGE for a backup that does not fit, what readBackup throws, HostsUnfitError for hosts that cannot be
 * reached, INTERRUPTED when it is not approved, StepsFailedError, INSTALL_LOCKED.
 */
export async function restoreData(options: RestoreDataOptions, approve: ApproveRestoreData): Promise<RunSummary> {
  const layout = layoutOf(options);
  return withInstallLock(layout, () =>
    withPlan(options, async ({ plan, site, record }) => {
      if (!(await approve(plan))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was changed');
      const { clock, emit, signal } = options;
      const steps = dataSteps(plan, { site, clock, seed: record.seed, bring: (context) => bringData(plan, site, options, context.signal) });
      const { bundle } = plan;
      return journaledRun(steps, { operation: 'restore data', bundle, record, journal: layout.journal, clock, emit, signal });
    }),
  );
}

interface Planned {
  readonly plan: RestoreDataPlan;
  readonly site: DataSite;
  readonly record: SiteRecord;
}

async function withPlan<T>(options: RestoreDataOptions, work: (planned: Planned) => Promise<T>): Promise<T> {
  const { file, opener, components = [], home, agentSocket, clock, signal, machines = REAL_MACHINES } = options;
  const record = await openFileStore(layoutOf({ machines }).record).read();
  if (record?.bundle === undefined) throw siteUnknown('whose data these are, and where they belong');
  const { bundle } = record;
  const document = await readDataDocument(file, opener, record);
  const chosen = chosenComponents(document, components);
  const connect = { home, agentSocket };
  return withDataSession(record, bundle, { clusterPath: clusterOf(record), connect, clock, signal, machines }, async (session) => {
    const wanted = document.data.filter(({ component }) => chosen.has(component));
    const { targets, left } = targetsOf(session, wanted);
    if (targets.length === 0) {
      const problem = 'no component that runs takes any of its data';
      throw new SiteConflictError(
        [{ where: file, problem, remedy: 'Install the cluster first: caisson install --offline' }],
        'restore data here',
      );
    }
    const dependents = dependentsOn(session, new Set(targets.map(({ placement }) => placement.component.name)));
    const names = new Set([...targets.map(({ placement }) => placement), ...dependents].map(({ host }) => host.name));
    refuseDown(record, names, 'restore data here');
    return session.connected(names, async (site) => {
      if (site.findings.length > 0) throw new HostsUnfitError(site.findings);
      const looked: DataTarget[] = [];
      for (const target of targets) looked.push(await lookAtTarget(target, { record, site, signal }));
      const aside = `.before-restore-${clock
        .now()
        .toISOString()
        .replaceAll(/[-:]|\.\d+/g, '')}`;
      return work({ plan: { document, targets: looked, dependents, left, bundle, aside }, site, record });
    });
  });
}

/** Placements that need one of these components, directly or through others. Each comes after all that it needs. */
function dependentsOn({ running }: DataSession, restored: ReadonlySet<string>): readonly Placement[] {
  const found = new Set(restored);
  const dependents: Placement[] = [];
  for (const placement of running) {
    const { name } = placement.component;
    if (restored.has(name) || !placement.needs.some(({ component }) => found.has(component))) continue;
    found.add(name);
    dependents.push(placement);
  }
  return dependents;
}

/**
 * Brings the data to their hosts. The whole backup was checked before, and each file is checked again on its host. A pass over
 * the backup serves one host of each file, so that memory stays small.
 */
async function bringData(
  { targets }: RestoreDataPlan,
  site: DataSite,
  { file, opener }: RestoreDataOptions,
  signal: AbortSignal,
): Promise<void> {
  const hostsOf = (data: BackupData): readonly DataTarget[] => targets.filter((target) => target.data.some((one) => isSame(one, data)));
  const passes = Math.max(...targets.flatMap(({ data }) => data.map((one) => hostsOf(one).length)));
  for (let pass = 0; pass < passes; pass += 1) {
    await readBackup(await backupSource(file), opener, file, async (data, content) => {
      const target = hostsOf(data)[pass];
      if (target === undefined) {
        for await (const chunk of content) void chunk;
        return;
      }
      const path = posix.join(restorePlace(target.placement), data.file);
      const host = site.hostOf(target.placement.host.name);
      await host.upload(content, path, { mode: 0o600, digest: data.digest, onlyWriter: true, signal });
    });
  }
}

function isSame(left: BackupData, right: BackupData): boolean {
  return left.component === right.component && left.host === right.host && left.file === right.file;
}
