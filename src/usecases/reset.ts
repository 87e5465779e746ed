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
  isLast: true,
  topology: ({ topology }) => withoutNodes(topology),
  notes: (_session, { purge }) =>
    purge === true ? ['Is removed for good: the data above, and the keys, secrets and bundles on the seed'] : [],
  ended: async (layout, { purge }) => {
    for (const note of [layout.lastBackup, layout.lastRenewal]) await rm(note, { force: true });
    if (purge === true) await purgeKeys(layout);
  },
};

/** Plans a reset and changes nothing. Throws as a reset does before its first change. */
export async function planReset(options: OperationOptions): Promise<PlannedRun> {
  return planOperation(options, RESET);
}

/**
 * Removes all resources of a site from all its hosts, dependents first, and then the records of the hosts. Data, and
 * the keys and secrets of the seed that are needed to use the data again, are removed only by a purge. Throws as
 * runOperation does.
 */
export async function reset(options: OperationOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(options, RESET, approve);
}

/** Returns the topology of a cluster that has no nodes and wants no resources. */
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

/** Removes keys, secrets, certificates and bundles of the seed, and the directory of its settings when nothing else is in it. */
async function purgeKeys({ authorities, secrets, certificates, depot, pki, bundles }: SeedLayout): Promise<void> {
  for (const path of [authorities, secrets, certificates, depot, pki, bundles]) await rm(path, { recursive: true, force: true });
  await rmdir(dirname(depot)).catch((error: unknown) => {
    if (!['ENOENT', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
  });
}
