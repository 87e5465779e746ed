import type { RunSummary } from '../engine/index.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';

const INSTALL: Operation = { name: 'install' };

/** What an install would do. Changes nothing; throws what stands in the way, as an install would. */
export async function planInstall(options: OperationOptions): Promise<PlannedRun> {
  return planOperation(options, INSTALL);
}

/**
 * Brings the cluster to what cluster.yaml and the bundle declare: installs, changes and removes, or goes on where an earlier
 * run stopped. Throws as runOperation does.
 */
export async function install(options: OperationOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(options, INSTALL, approve);
}
