import type { RunSummary } from '../engine/index.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';

const INSTALL: Operation = { name: 'install' };

/** Plans an install and changes nothing. Throws as an install does before its first change. */
export async function planInstall(options: OperationOptions): Promise<PlannedRun> {
  return planOperation(options, INSTALL);
}

/**
 * Brings the cluster to the state that cluster.yaml and the bundle declare: installs, changes and removes, or continues
 * an interrupted run. Throws as runOperation does.
 */
export async function install(options: OperationOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(options, INSTALL, approve);
}
