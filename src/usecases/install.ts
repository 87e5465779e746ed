import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { takeInstallLock } from './install-lock.ts';
import { planRun, type PlannedRun } from './planned-run.ts';
import { runPlan } from './run-plan.ts';
import { layoutOf, withSession, type SessionOptions } from './session.ts';

export interface InstallOptions extends SessionOptions {
  /** Data of what is removed go, too. */
  readonly purge?: boolean;
}

/** Asked before anything is changed; false ends the run there. */
export type Approve = (planned: PlannedRun) => Promise<boolean>;

/** What an install would do. Changes nothing; throws what stands in the way, as an install would. */
export async function planOnly(options: InstallOptions): Promise<PlannedRun> {
  return withSession(options, (session) => planRun(session, options));
}

/**
 * Brings the cluster to what cluster.yaml and the bundle declare: installs, changes and removes, or goes on where an earlier
 * run stopped. Throws what withSession throws, StepsFailedError when steps failed, INSTALL_LOCKED when another run is under
 * way, INTERRUPTED when it is not approved.
 */
export async function install(options: InstallOptions, approve: Approve): Promise<RunSummary> {
  const release = await takeInstallLock(layoutOf(options).lock);
  try {
    return await withSession(options, async (session) => {
      const planned = await planRun(session, options);
      if (!(await approve(planned))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was changed');
      return runPlan(planned, { ...options, operation: 'install' });
    });
  } finally {
    await release();
  }
}
