import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleTree, closeBundles, openBundles, type BundleBase, type BundleReader } from '../bundle/index.ts';
import { loadManifests, parseClusterSpec, resolveTopology, type Topology } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import { subtree } from '../io/index.ts';
import { stagedBundleName } from './bundle-members.ts';
import { seedLayout } from './layout.ts';

/** What was asked for: a bundle, and a cluster laid over the manifests that the bundle carries. */
export interface InstallRequest {
  /** What is installed. */
  readonly bundle: BundleReader;
  /** The same and every other one that it needs, to be kept on the seed. */
  readonly bundles: readonly BundleReader[];
  readonly topology: Topology;
}

/**
 * Reads cluster.yaml strictly, against the manifests in the bundle. Of a delta, bases that were not named are looked for
 * among the bundles that earlier installs left in `stagedBundles`. The caller closes the bundles. Throws
 * INPUT_UNREADABLE, InvalidInputError with every mistake, and what openBundles throws.
 */
export async function openRequest(
  bundlePaths: readonly string[],
  clusterPath: string,
  stagedBundles = seedLayout().bundles,
): Promise<InstallRequest> {
  const text = await readCluster(clusterPath);
  const bundles = await openBundles(bundlePaths, { findBase: (base) => findStaged(stagedBundles, base) });
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

/** An install is of one bundle; the others are its bases. */
function theOne(bundles: readonly BundleReader[]): BundleReader {
  const bases = new Set(bundles.flatMap(({ manifest }) => manifest.bases.map(({ digest }) => digest)));
  const candidates = bundles.filter(({ bundleDigest }) => !bases.has(bundleDigest));
  const [bundle, other] = candidates;
  if (bundle !== undefined && other === undefined) return bundle;
  const names = candidates.map(({ path }) => `"${path}"`).join(' and ');
  throw new CaissonError('USAGE', `Cannot install ${candidates.length} bundles at once: ${names} do not need each other`, {
    hint: 'Name one bundle, and of a delta also the bundles that it needs',
  });
}

/** Staged bundles are named after what they are; whether one is whole is seen when it is opened and staged. */
async function findStaged(directory: string, { name, version, digest }: BundleBase): Promise<string | undefined> {
  const path = join(directory, stagedBundleName({ manifest: { name, version }, bundleDigest: digest }));
  try {
    await access(path);
    return path;
  } catch {
    return undefined;
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
