import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError } from '../../core/index.ts';
import type { RunSummary } from '../../engine/index.ts';
import { seedLayout, type SeedLayout } from '../../site/index.ts';
import { planFiles, writeFiles } from '../backup/restored-files.ts';
import { withInstallLock } from '../install-lock.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from '../operation.ts';
import type { PlannedRun } from '../planned-run.ts';
import { layoutOf } from '../session.ts';
import { writeCluster } from '../edited-cluster.ts';
import { saidForAdoption, type Adoption, type AdoptOptions, type Prepared } from './adoption.ts';
import { prepareFromBackup } from './from-backup.ts';
import { prepareFromHosts } from './from-hosts.ts';

const ADOPT: Operation = { name: 'adopt' };
/** Directory beside the site record with the files of a plan that is made before they are at their places. */
const STAGING = 'adopting';

/** Asks for approval before anything is written on this machine. When it returns false, the adoption ends there. */
export type ApproveAdoption = (adoption: Adoption) => Promise<boolean>;

export interface PlannedAdoption {
  readonly adoption: Adoption;
  /** The plan of the run that follows; undefined while files that its logins need are in the backup alone. */
  readonly planned: PlannedRun | undefined;
}

/**
 * Plans an adoption and the run that follows it. Changes no host and nothing of this machine: the keys lie in a directory of root's own
 * meanwhile, which is removed. Throws as adopt does before its first write.
 */
export async function planAdoption(options: AdoptOptions): Promise<PlannedAdoption> {
  const layout = layoutOf(options);
  return withInstallLock(layout, async () => {
    const prepared = await prepare(options);
    const { adoption, staged } = prepared;
    if (staged === undefined) return { adoption, planned: await planOperation(runOptions(options, prepared), ADOPT) };
    const needsFiles = adoption.files.some(
      ({ action, owner, path }) => owner !== undefined && action === 'add' && path !== adoption.clusterPath,
    );
    if (needsFiles) return { adoption, planned: undefined };
    const root = join(dirname(layout.record), STAGING);
    await rm(root, { recursive: true, force: true });
    try {
      const places = await stage(staged, root, options.signal);
      return { adoption, planned: await planOperation({ ...runOptions(options, prepared), staged: places }, ADOPT) };
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
}

/**
 * Makes this machine the seed of a site, in the place of one that is lost: writes keys, secrets and the site record here, edits
 * cluster.yaml, and then installs. The record is written last, and the same command goes on wherever it was killed. Throws what
 * readBackup, openRequest and runOperation throw, HostsUnfitError, SiteConflictError with every reason why this machine must not
 * become the seed, and INTERRUPTED when it is not approved.
 */
export async function adopt(
  options: AdoptOptions,
  { approve, approvePlan }: { readonly approve: ApproveAdoption; readonly approvePlan: Approve },
): Promise<{ readonly adoption: Adoption; readonly summary: RunSummary }> {
  const layout = layoutOf(options);
  const prepared = await withInstallLock(layout, async () => {
    const made = await prepare(options);
    const { adoption, cluster } = made;
    if (adoption.files.length > 0 || adoption.isClusterEdited) {
      if (!(await approve(adoption))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was written');
      await rm(join(dirname(layout.record), STAGING), { recursive: true, force: true });
      await writeFiles(adoption.files, options.signal);
      // Lost nodes are in the record by now, so the file need not have them any more.
      if (cluster.before !== undefined) await writeCluster({ sources: adoption, before: cluster.before, after: cluster.after });
    }
    return made;
  });
  const { adoption } = prepared;
  return { adoption, summary: await runOperation({ ...runOptions(options, prepared), clusterText: undefined }, ADOPT, approvePlan) };
}

function prepare(options: AdoptOptions): Promise<Prepared> {
  const { source } = options;
  return 'backup' in source ? prepareFromBackup(options, source) : prepareFromHosts(options, source);
}

function runOptions(options: AdoptOptions, { adoption, cluster, bundlePaths }: Prepared): OperationOptions {
  const said = saidForAdoption(options);
  return { ...options, said, clusterPath: adoption.clusterPath, clusterText: cluster.after, bundlePaths };
}

async function stage({ record, files }: NonNullable<Prepared['staged']>, root: string, signal: AbortSignal): Promise<SeedLayout> {
  const layout = seedLayout(root);
  await mkdir(root, { recursive: true, mode: 0o700 });
  await writeFiles(await planFiles(files, { root, layout, record }), signal);
  return layout;
}
