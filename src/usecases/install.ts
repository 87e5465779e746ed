import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { takeInstallLock } from './install-lock.ts';
import { planRun, type PlannedRun } from './planned-run.ts';
import { runPlan } from './run-plan.ts';
import { layoutOf, withSession, type SessionOptions } from './session.ts';

export interface InstallOptions extends SessionOptions {
  /** True when data of owners that go are removed, too. */
  readonly purge?: boolean;
}

/** Asks for approval of a plan before anything is changed. When it returns false, the run ends there. */
export type Approve = (planned: PlannedRun) => Promise<boolean>;

/** Plans an install and changes nothing. Throws as an install does before its first change. */
export async function planOnly(options: InstallOptions): Promise<PlannedRun> {
  return withSession(options, (session) => planRun(session, options));
}

/**
 * Brings the cluster to the state that cluster.yaml and the bundle declare: installs, changes and removes, or continues
 * an interrupted run. Throws what withSession throws, StepsFailedError when steps failed, INSTALL_LOCKED when another
 * run is under way, INTERRUPTED when the plan is not approved.
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
