import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Topology } from '../cluster/index.ts';
import { CaissonError, errnoOf } from '../core/index.ts';
import type { SeedLayout } from '../site/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { takeInstallLock } from './install-lock.ts';
import type { Approve, InstallOptions } from './install.ts';
import { planRun } from './planned-run.ts';
import { runPlan } from './run-plan.ts';
import { layoutOf, withSession } from './session.ts';

/**
 * Removes all resources of a site from all its hosts, dependents first, and then the records of the hosts. Data, and
 * the keys and secrets of the seed that are needed to use the data again, are removed only by a purge. Throws as
 * install does.
 */
export async function reset(options: InstallOptions, approve: Approve): Promise<RunSummary> {
  const layout = layoutOf(options);
  const release = await takeInstallLock(layout.lock);
  try {
    return await withSession(options, async (session) => {
      const planned = await planRun(session, options, withoutNodes(session.topology));
      if (!(await approve(planned))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was changed');
      const summary = await runPlan(planned, { ...options, operation: 'reset' });
      if (options.purge === true) await purgeKeys(layout);
      return summary;
    });
  } finally {
    await release();
  }
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

/** Removes keys, secrets and bundles of the seed, and the directory of its settings when nothing else is in it. */
async function purgeKeys({ authorities, secrets, certificates, depot, bundles }: SeedLayout): Promise<void> {
  for (const path of [authorities, secrets, certificates, depot, bundles]) await rm(path, { recursive: true, force: true });
  await rmdir(dirname(depot)).catch((error: unknown) => {
    if (!['ENOENT', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
  });
}
