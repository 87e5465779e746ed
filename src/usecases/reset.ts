import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Topology } from '../cluster/index.ts';
import { errnoOf } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import type { SeedLayout } from '../site/index.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';

const RESET: Operation = {
  name: 'reset',
  topology: ({ topology }) => withoutNodes(topology),
  ended: async (layout, { purge }) => {
    if (purge === true) await purgeKeys(layout);
  },
};

/** What a reset would do. Changes nothing; throws what stands in the way, as a reset would. */
export async function planReset(options: OperationOptions): Promise<PlannedRun> {
  return planOperation(options, RESET);
}

/**
 * Removes everything of a site from all its hosts, dependents first, and lets the hosts go. Data stay unless they are purged;
 * so do keys and secrets of the seed, without which the data could not be used again. Throws as runOperation does.
 */
export async function reset(options: OperationOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(options, RESET, approve);
}

/** The cluster of which nothing is wanted any more. */
function withoutNodes(topology: Topology): Topology {
  return {
    ...topology,
    spec: { ...topology.spec, nodes: [] },
    components: [],
    placements: [],
    moved: [],
    hostsOf: () => [],
    first: () => undefined,
    componentsOf: () => [],
    hostsWithRole: () => [],
    packageSetsOf: () => [],
  };
}

/** Removes keys, secrets and bundles of the seed, and the directory of its settings when nothing else is in it. */
async function purgeKeys({ authorities, secrets, certificates, depot, bundles }: SeedLayout): Promise<void> {
  for (const path of [authorities, secrets, certificates, depot, bundles]) await rm(path, { recursive: true, force: true });
  await rmdir(dirname(depot)).catch((error: unknown) => {
    if (!['ENOENT', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
  });
}
