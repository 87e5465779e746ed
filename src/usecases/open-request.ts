import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  bundleTree,
  checkSignatures,
  closeBundles,
  describeSignature,
  openBundles,
  partialPath,
  readTrust,
  requireTrust,
  type BundleBase,
  type BundleReader,
  type BundleSignature,
  type Trust,
  type TrustFiles,
} from '../bundle/index.ts';
import { readTopology, type ClusterSpec, type RecordedTopology, type Topology, parseClusterSpec } from '../cluster/index.ts';
import { loadManifests, type Manifests } from '../manifests/index.ts';
import { CaissonError, digestOf, hasCode, systemClock, type Clock, type Digest, type Emit } from '../core/index.ts';
import { checkLoginFiles } from '../ssh/index.ts';
import { isThere, subtree } from '../io/index.ts';
import { seedLayout, stagedBundleName, type Acceptance } from '../site/index.ts';
import type { Accept } from './acceptance.ts';
import { trustPaths } from './trust-paths.ts';

/** The bundle and the cluster that the operator named. */
export interface InstallRequest {
  /** The bundle to install. */
  readonly bundle: BundleReader;
  /** `bundle` and all its bases. The seed keeps them. */
  readonly bundles: readonly BundleReader[];
  readonly spec: ClusterSpec;
  /** How the bundle was accepted; undefined where `accept` was not given or did not say. */
  readonly accepted: Acceptance | undefined;
  readonly manifests: Manifests;
  /** SHA-256 of the text of cluster.yaml. */
  readonly clusterDigest: Digest;
  /** Lays the cluster over the manifests. `recorded` are the recorded hosts of components; undefined for a new site. */
  topology(recorded: RecordedTopology | undefined): Topology;
}

export interface RequestOptions {
  /** Text that replaces the content of the file. */
  readonly clusterText?: string | undefined;
  /** Directory of the bundles of earlier installs; that of this machine by default. */
  readonly stagedBundles?: string;
  /** Signers whose bundles may be installed. Replaces `trust` of cluster.yaml. */
  readonly trust?: TrustFiles | undefined;
  /** Decides how the bundle is accepted. Every bundle is, by default. */
  readonly accept?: Accept | undefined;
  readonly clock?: Clock;
  /** Is told who signed each bundle. */
  readonly emit?: Emit | undefined;
  /** A bundle that is open already and takes the place of the files. The caller gives it up. */
  readonly opened?: BundleReader | undefined;
  /** Home directory for paths in cluster.yaml that begin with ~/; that of the user of this process by default. */
  readonly home?: string | undefined;
}

/** A bundle whose signatures count, and the manifests in it. */
export type OpenedPlatform = Pick<InstallRequest, 'bundle' | 'bundles' | 'accepted' | 'manifests'>;

/**
 * Opens the bundle and reads the manifests in it. Looks for bases of a delta that are not in `bundlePaths` among the bundles
 * that earlier installs left in `stagedBundles`. The caller closes the bundles. Throws what openBundles throws, mistakes of the
 * manifests, what `accept` throws, and, where `trust` names allowed signers, what requireTrust throws.
 */
export async function openPlatform(
  bundlePaths: readonly string[],
  {
    stagedBundles = seedLayout().bundles,
    trust: files,
    clock = systemClock,
    accept,
    opened,
    emit,
  }: Pick<RequestOptions, 'stagedBundles' | 'trust' | 'accept' | 'clock' | 'opened' | 'emit'> = {},
): Promise<OpenedPlatform> {
  const trust = files === undefined ? undefined : await readTrust(files, clock.now());
  const bundles = opened === undefined ? await openBundles(bundlePaths, { findBase: (base) => findStaged(stagedBundles, base) }) : [opened];
  try {
    // Signatures are checked before any content of the bundles is read.
    if (trust !== undefined && opened !== undefined) throw unsignedLock();
    const signatures = new Map(bundles.map((bundle) => [bundle, signaturesOf(bundle, trust, emit)]));
    const bundle = theOne(bundles);
    // The digest of a delta covers those of its bases.
    const accepted = accept?.(bundle, signatures.get(bundle) ?? []);
    const manifests = await loadManifests(subtree(bundleTree(bundle), 'manifests'), { root: `${bundle.path}: manifests` });
    return { bundle, bundles, accepted, manifests };
  } catch (error) {
    await closeBundles(bundles);
    throw error;
  }
}

/** Returns the signatures of a bundle and says who made them. Throws what requireTrust throws where there are allowed signers. */
function signaturesOf(bundle: BundleReader, trust: Trust | undefined, emit: Emit | undefined): readonly BundleSignature[] {
  const signatures =
    trust === undefined ? checkSignatures(bundle.signatures, bundle.sums, undefined).signatures : requireTrust(bundle, trust);
  for (const signature of signatures) emit?.({ type: 'note', message: `"${bundle.path}" is ${describeSignature(signature)}` });
  return signatures;
}

/**
 * Opens the bundle as openPlatform does, and reads cluster.yaml strictly, against the manifests in the bundle. The caller closes the
 * bundles. Throws INPUT_UNREADABLE, InvalidInputError with every mistake, and what openPlatform throws; the allowed signers are those
 * of the options or of cluster.yaml.
 */
export async function openRequest(
  bundlePaths: readonly string[],
  clusterPath: string,
  { clusterText, trust, home, ...options }: RequestOptions = {},
): Promise<InstallRequest> {
  const text = clusterText ?? (await readCluster(clusterPath));
  const platform = await openPlatform(bundlePaths, { ...options, trust: trust ?? trustFilesOf(text, clusterPath) });
  try {
    const topology: InstallRequest['topology'] = (recorded) => readTopology(text, clusterPath, platform.manifests, recorded);
    // Reports mistakes in cluster.yaml before any host is connected.
    const { spec } = topology(undefined);
    await checkLoginFiles(text, clusterPath, spec.ssh, { home, directory: dirname(clusterPath) });
    return { ...platform, spec, clusterDigest: digestOf(Buffer.from(text)), topology };
  } catch (error) {
    await closeBundles(platform.bundles);
    throw error;
  }
}

function unsignedLock(): CaissonError {
  return new CaissonError('SIGNATURE_MISSING', 'Cannot install online: allowed signers are named, and a lock carries no signature', {
    hint: 'Build the bundle of this lock, sign it and install it: caisson install --offline --bundle FILE',
  });
}

/**
 * Files of `trust` in cluster.yaml, relative to cluster.yaml. Undefined for a cluster.yaml with mistakes: readTopology
 * reports all of them later.
 */
function trustFilesOf(text: string, clusterPath: string): TrustFiles | undefined {
  try {
    const { trust } = parseClusterSpec(text, clusterPath);
    return trust === undefined ? undefined : trustPaths(trust, clusterPath);
  } catch (error) {
    if (hasCode(error, 'INPUT_INVALID')) return undefined;
    throw error;
  }
}

/**
 * Returns the bundle to install: the only one that is not a base of another. Throws USAGE when there is not exactly
 * one.
 */
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

/**
 * Finds a base on the seed by its name, which contains its digest; undefined where there is none. Throws BUNDLE_INCOMPLETE for
 * one that the depot has in part. Whether a whole file is what its name says is checked when it is opened.
 */
async function findStaged(directory: string, { name, version, digest }: BundleBase): Promise<string | undefined> {
  const path = join(directory, stagedBundleName({ manifest: { name, version }, bundleDigest: digest }));
  if (await isThere(path)) return path;
  if (!(await isThere(partialPath(path)))) return undefined;
  throw new CaissonError(
    'BUNDLE_INCOMPLETE',
    `Cannot use the delta of ${name} ${version}: the depot has fetched only a part of that bundle, "${path}"`,
    {
      hint: 'Give that bundle too, or upgrade from the lock: caisson upgrade --online --lock FILE; or carry a full bundle over (build-bundle without --base)',
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
