import { access, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  bundleTree,
  closeBundles,
  openBundles,
  readTrust,
  requireTrust,
  type BundleBase,
  type BundleReader,
  type TrustFiles,
} from '../bundle/index.ts';
import { readTopology, type ClusterSpec, type RecordedTopology, type Topology, parseClusterSpec } from '../cluster/index.ts';
import { loadManifests, type Manifests } from '../manifests/index.ts';
import { CaissonError, digestOf, hasCode, systemClock, type Clock, type Digest } from '../core/index.ts';
import { checkLoginFiles } from '../host/index.ts';
import { subtree } from '../io/index.ts';
import { seedLayout, stagedBundleName } from '../site/index.ts';

/** What was asked for: a bundle, and a cluster laid over the manifests that the bundle carries. */
export interface InstallRequest {
  /** What is installed. */
  readonly bundle: BundleReader;
  /** The same and every other one that it needs, to be kept on the seed. */
  readonly bundles: readonly BundleReader[];
  readonly spec: ClusterSpec;
  readonly manifests: Manifests;
  /** SHA-256 of the text of cluster.yaml. */
  readonly clusterDigest: Digest;
  /** The cluster laid over the manifests, for a site that remembers where its components stand. */
  topology(recorded: RecordedTopology | undefined): Topology;
}

export interface RequestOptions {
  /** Text in place of what the file has. */
  readonly clusterText?: string | undefined;
  /** Directory of the bundles of earlier installs. */
  readonly stagedBundles?: string;
  /** Whose bundles may be installed, in place of what cluster.yaml says. */
  readonly trust?: TrustFiles | undefined;
  readonly clock?: Clock;
  /** Home directory of the user, for files of cluster.yaml that begin with ~/; that of this process by default. */
  readonly home?: string | undefined;
}

/**
 * Reads cluster.yaml strictly, against the manifests in the bundle. Of a delta, bases that were not named are looked for
 * among the bundles that earlier installs left in `stagedBundles`. The caller closes the bundles. Throws
 * INPUT_UNREADABLE, InvalidInputError with every mistake, what openBundles throws, and what requireTrust throws where
 * somebody said whose bundles may be installed.
 */
export async function openRequest(
  bundlePaths: readonly string[],
  clusterPath: string,
  { clusterText, stagedBundles = seedLayout().bundles, trust: asked, clock = systemClock, home }: RequestOptions = {},
): Promise<InstallRequest> {
  const text = clusterText ?? (await readCluster(clusterPath));
  const files = asked ?? trustFilesOf(text, clusterPath);
  const trust = files === undefined ? undefined : await readTrust(files, clock.now());
  const bundles = await openBundles(bundlePaths, { findBase: (base) => findStaged(stagedBundles, base) });
  try {
    // Before anything that the bundle says is believed.
    if (trust !== undefined) for (const bundle of bundles) requireTrust(bundle, trust);
    const bundle = theOne(bundles);
    const manifests = await loadManifests(subtree(bundleTree(bundle), 'manifests'), { root: `${bundle.path}: manifests` });
    const topology: InstallRequest['topology'] = (recorded) => readTopology(text, clusterPath, manifests, recorded);
    // Mistakes are told before any host is asked.
    const { spec } = topology(undefined);
    await checkLoginFiles(text, clusterPath, spec.ssh, { home, directory: dirname(clusterPath) });
    return { bundle, bundles, spec, manifests, clusterDigest: digestOf(Buffer.from(text)), topology };
  } catch (error) {
    await closeBundles(bundles);
    throw error;
  }
}

/** What cluster.yaml says of trust, with paths as seen from it; a cluster.yaml with mistakes is refused later, with all of them. */
function trustFilesOf(text: string, clusterPath: string): TrustFiles | undefined {
  try {
    const { trust } = parseClusterSpec(text, clusterPath);
    if (trust === undefined) return undefined;
    const absolute = (file: string): string => resolve(dirname(clusterPath), file);
    return {
      allowedSigners: absolute(trust.allowedSigners),
      revokedKeys: trust.revokedKeys === undefined ? undefined : absolute(trust.revokedKeys),
    };
  } catch (error) {
    if (hasCode(error, 'INPUT_INVALID')) return undefined;
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
