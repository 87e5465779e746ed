import type { RunSummary } from '../engine/index.ts';
import { SiteConflictError, openFileStore, type RecordedBundle, type SiteRecord } from '../site/index.ts';
import { stillMissing } from './online-source.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { layoutOf, type Session } from './session.ts';
import { unfinishedBundle } from './site-sources.ts';

const ROLLBACK: Operation = {
  name: 'rollback',
  goesBack: true,
  notes: async (session) => [...notTakenBack(session), ...(await stillMissing(session))],
};

/** Plans a rollback and changes nothing. Throws as a rollback does before its first change. */
export async function planRollback(options: OperationOptions): Promise<PlannedRun> {
  return planOperation(await withBundleBefore(options), ROLLBACK);
}

/**
 * Goes back to the bundle before, whose copy the seed keeps: after an upgrade that ended well, to the bundle that it
 * replaced; after one that did not, to the bundle that is still in force. A rollback that was interrupted goes on. Throws
 * SiteConflictError when there is no bundle to go back to, INPUT_UNREADABLE when its copy is gone, BUNDLE_INCOMPLETE when the
 * site went offline before all of it was fetched, and as runOperation does.
 */
export async function rollback(options: OperationOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(await withBundleBefore(options), ROLLBACK, approve);
}

async function withBundleBefore(options: OperationOptions): Promise<OperationOptions> {
  const layout = layoutOf(options);
  const record = await openFileStore(layout.record).read();
  const before = record === undefined ? undefined : bundleToReturnTo(record);
  if (before === undefined) {
    const problem = 'there is no bundle to go back to';
    throw new SiteConflictError([{ where: layout.record, problem, remedy: 'Run this on the seed of a site that was upgraded' }]);
  }
  return { ...options, kept: before };
}

function bundleToReturnTo(record: SiteRecord): RecordedBundle | undefined {
  const unfinished = unfinishedBundle(record);
  if (unfinished === undefined) return record.previous;
  return record.operations.at(-1)?.operation === ROLLBACK.name ? unfinished : record.bundle;
}

/** Names the before-upgrade actions, such as database migrations, that ran for the present releases: a rollback does not undo them. */
function notTakenBack({ record, topology }: Session): readonly string[] {
  return (record?.actions ?? []).flatMap(({ component, action, host, release }) => {
    const declared = topology.manifests.components.get(component)?.actions.find(({ name }) => name === action);
    if (declared?.at !== 'before-upgrade' || release !== record?.components[component]?.release) return [];
    const where = host === undefined ? component : `${component} on ${host}`;
    return [`Is not taken back: what "${action}" of ${where} did to its data for the version that goes`];
  });
}
