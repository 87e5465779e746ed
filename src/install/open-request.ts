import { readFile } from 'node:fs/promises';
import { bundleTree, closeBundles, openBundles, type BundleReader } from '../bundle/index.ts';
import { loadManifests, parseClusterSpec, resolveTopology, type Topology } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import { subtree } from '../io/index.ts';

/** What was asked for: a bundle, and a cluster laid over the manifests that the bundle carries. */
export interface InstallRequest {
  /** What is installed. */
  readonly bundle: BundleReader;
  /** The same and every other one that it needs, to be kept on the seed. */
  readonly bundles: readonly BundleReader[];
  readonly topology: Topology;
}

/**
 * Reads cluster.yaml strictly, against the manifests in the bundle. The caller closes the bundles. Throws
 * INPUT_UNREADABLE, InvalidInputError with every mistake, and what openBundles throws.
 */
export async function openRequest(bundlePaths: readonly string[], clusterPath: string): Promise<InstallRequest> {
  const text = await readCluster(clusterPath);
  const bundles = await openBundles(bundlePaths);
  try {
    const bundle = theOne(bundles);
    const manifests = await loadManifests(subtree(bundleTree(bundle), 'manifests'), { root: `${bundle.path}: manifests` });
    const spec = parseClusterSpec(text, clusterPath, manifests);
    return { bundle, bundles, topology: resolveTopology(spec, manifests, clusterPath) };
  } catch (error) {
    await closeBundles(bundles);
    throw error;
  }
}

/** An install is of one bundle. */
function theOne(bundles: readonly BundleReader[]): BundleReader {
  const [bundle, other] = bundles;
  if (bundle !== undefined && other === undefined) return bundle;
  throw new CaissonError(
    'USAGE',
    `Cannot install ${bundles.length} bundles at once: ${bundles.map(({ path }) => `"${path}"`).join(', ')}`,
    {
      hint: 'Name one bundle',
    },
  );
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
