import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beginBundle, openBundle, partialPath, type BundleReader } from '../bundle/index.ts';
import { CaissonError, type Clock, type ErrorCode } from '../core/index.ts';
import { isThere } from '../io/index.ts';
import type { StagedBundleFile, Supply } from '../plan/index.ts';
import { BESIDE_BUNDLE, stagedBundleName, UNVERIFIED_COPY, type OwnedResource, type SiteRecord } from '../site/index.ts';
import { bundleBefore, type BundleBefore } from './bundle-before.ts';
import { isBegun, type OnlineSession } from './online-source.ts';
import { placeBundleCopy } from './bundle-copy.ts';
import type { Session } from './session.ts';

/** Returns the bundle of a session, its copies on the seed, and the address of the depot. */
export async function supplyOf({ request, online, topology, seed, layout, record }: Session, clock: Clock): Promise<Supply> {
  const { bundle, bundles } = request;
  const { depot } = topology.spec;
  const before = await bundleBefore(record, bundle.bundleDigest, layout);
  const keptOn = (host: string | undefined): readonly StagedBundleFile[] => keptBundles(record, before, host);
  const staged = bundles.map((one) =>
    online === undefined ? stagedBundle(one, bundle, layout.bundles, clock) : begunBundle(one, online, clock),
  );
  return {
    bundle,
    staged: [...staged, ...keptOn(record?.seed).filter(({ path }) => !staged.some((other) => other.path === path))],
    keptOn: (host) => keptOn(host).filter(({ digest }) => !staged.some((other) => other.digest === digest)),
    depot: { name: depot.name, port: depot.port, address: depot.address ?? seed.address },
    online: online === undefined ? undefined : { upstream: online.upstream },
  };
}

function stagedBundle(bundle: BundleReader, main: BundleReader, directory: string, clock: Clock): StagedBundleFile {
  const path = join(directory, stagedBundleName(bundle));
  return {
    path,
    digest: bundle.bundleDigest,
    of: main.bundleDigest,
    isServed: true,
    size: bundle.size,
    // Files that a killed run left beside the bundle are removed when it is placed.
    isPlaced: async () => (await isStaged(bundle, path)) && !(await isAnyThere([`${path}${UNVERIFIED_COPY}`, partialPath(path)])),
    // The copy is verified before it gets its name, so that the installation medium can be removed.
    place: async ({ signal, emit }) => {
      await mkdir(directory, { recursive: true, mode: 0o755 });
      if (!(await isStaged(bundle, path))) await placeBundleCopy(bundle, path, { clock, signal, emit });
      // A depot that filled this bundle has it open until its unit changes.
      for (const suffix of BESIDE_BUNDLE) await rm(`${path}${suffix}`, { force: true });
    },
  };
}

/** A bundle that the depot fills: it is begun here. */
function begunBundle(bundle: BundleReader, { path, begin }: OnlineSession, clock: Clock): StagedBundleFile {
  return {
    path,
    digest: bundle.bundleDigest,
    of: bundle.bundleDigest,
    isServed: true,
    // No other host can fetch it while it is filled.
    size: undefined,
    isPlaced: async () => (await isStaged(bundle, path)) || (await isBegun(bundle, path)),
    place: async () => {
      if (begin === undefined) throw new Error(`"${path}" was begun when the run started`);
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      await beginBundle(begin.plan, path, begin.files, { clock });
    },
  };
}

async function isAnyThere(paths: readonly string[]): Promise<boolean> {
  return (await Promise.all(paths.map(isThere))).includes(true);
}

const NOT_STAGED: ReadonlySet<ErrorCode> = new Set(['INPUT_UNREADABLE', 'BUNDLE_INCOMPLETE', 'BUNDLE_DAMAGED']);

/**
 * True when the target is this bundle. A copy gets its name only after it was verified, so its members are not read
 * again.
 */
async function isStaged(bundle: BundleReader, target: string): Promise<boolean> {
  try {
    const staged = await openBundle(target);
    await staged.close();
    return staged.bundleDigest === bundle.bundleDigest;
  } catch (error) {
    if (error instanceof CaissonError && NOT_STAGED.has(error.code)) return false;
    throw error;
  }
}

/** The files on a host of the bundle before, with its bases. They stay for a return to it. */
function keptBundles(
  record: SiteRecord | undefined,
  before: BundleBefore | undefined,
  host: string | undefined,
): readonly StagedBundleFile[] {
  if (record === undefined || before === undefined || host === undefined) return [];
  const owned = record.hosts[host]?.owned ?? [];
  return owned.filter(({ kind }) => kind === 'bundle').flatMap((one) => keptBundle(one, before));
}

function keptBundle({ key, digest }: OwnedResource, { bundle, needed }: BundleBefore): readonly StagedBundleFile[] {
  if (digest === undefined || !needed.has(digest)) return [];
  return [
    {
      path: key,
      digest,
      of: bundle.digest,
      isServed: false,
      size: undefined,
      isPlaced: async () => true,
      place: () => Promise.reject(new Error(`"${key}" is kept, not made`)),
    },
  ];
}
