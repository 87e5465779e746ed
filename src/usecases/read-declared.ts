import { closeBundles } from '../bundle/index.ts';
import type { Topology } from '../cluster/index.ts';
import { openFileStore, type SiteRecord } from '../site/index.ts';
import { openRequest } from './open-request.ts';
import type { OperationOptions } from './operation.ts';
import { layoutOf } from './session.ts';
import { siteSources } from './site-sources.ts';

/** A site as it is declared and recorded. */
export interface DeclaredSite {
  readonly topology: Topology;
  readonly record: SiteRecord | undefined;
}

/**
 * Reads the cluster as cluster.yaml has it, against the manifests of the bundle. Connects to no host. Throws what
 * siteSources and openRequest throw.
 */
export async function readDeclared(options: OperationOptions): Promise<DeclaredSite> {
  const layout = layoutOf(options);
  const record = await openFileStore(layout.record).read();
  const { bundlePaths, clusterPath } = await siteSources(options, record, layout);
  const request = await openRequest(bundlePaths, clusterPath, {
    stagedBundles: layout.bundles,
    trust: options.trust,
    clock: options.clock,
    home: options.connect.home,
  });
  await closeBundles(request.bundles);
  return { topology: request.topology(record), record };
}
