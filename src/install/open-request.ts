import { readFile } from 'node:fs/promises';
import { bundleTree, openBundle, type BundleReader } from '../bundle/index.ts';
import { loadManifests, parseClusterSpec, resolveTopology, type Topology } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import { subtree } from '../io/index.ts';

/** What was asked for: a bundle, and a cluster laid over the manifests that the bundle carries. */
export interface InstallRequest {
  readonly bundle: BundleReader;
  readonly topology: Topology;
}

/**
 * Reads cluster.yaml strictly, against the manifests in the bundle. The caller closes the bundle. Throws
 * INPUT_UNREADABLE, InvalidInputError with every mistake, and what openBundle throws.
 */
export async function openRequest(bundlePath: string, clusterPath: string): Promise<InstallRequest> {
  const text = await readCluster(clusterPath);
  const bundle = await openBundle(bundlePath);
  try {
    const manifests = await loadManifests(subtree(bundleTree(bundle), 'manifests'), { root: `${bundlePath}: manifests` });
    const spec = parseClusterSpec(text, clusterPath, manifests);
    return { bundle, topology: resolveTopology(spec, manifests, clusterPath) };
  } catch (error) {
    await bundle.close();
    throw error;
  }
}

async function readCluster(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}"`, {
      cause,
      hint: 'manifests/examples/cluster.yaml explains what goes in',
    });
  }
}
