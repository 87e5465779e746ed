import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beginBundle, openBundle, type BundleReader } from '../bundle/index.ts';
import { CaissonError, isDigest, type Clock, type ErrorCode } from '../core/index.ts';
import type { StagedBundleFile, Supply } from '../plan/index.ts';
import { BESIDE_BUNDLE, stagedBundleName, type OwnedResource, type SiteRecord } from '../site/index.ts';
import { isBegun, type OnlineSession } from './online-source.ts';
import { placeBundleCopy } from './bundle-copy.ts';
import type { Session } from './session.ts';

/** Returns the bundle of a session, its copies on the seed, and the address of the depot. */
export function supplyOf({ request, online, topology, seed, layout, record }: Session, clock: Clock): Supply {
  const { bundle, bundles } = request;
  const { depot } = topology.spec;
  const staged = bundles.map((one) =>
    online === undefined ? stagedBundle(one, bundle, layout.bundles, clock) : begunBundle(one, online, clock),
  );
  return {
    bundle,
    staged: [...staged, ...keptBundles(record, bundle).filter(({ path }) => !staged.some((other) => other.path === path))],
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
    isPlaced: () => isStaged(bundle, path),
    // The copy is verified before it gets its name, so that the installation medium can be removed.
    place: async ({ signal, emit }) => {
      await mkdir(directory, { recursive: true, mode: 0o755 });
      await placeBundleCopy(bundle, path, { clock, signal, emit });
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
    isPlaced: async () => (await isStaged(bundle, path)) || (await isBegun(bundle, path)),
    place: async () => {
      if (begin === undefined) throw new Error(`"${path}" was begun when the run started`);
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      await beginBundle(begin.plan, path, begin.files, { clock });
    },
  };
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

/** The bundle that was installed before this one, with its bases. They stay on the seed for a return to it. */
function keptBundles(record: SiteRecord | undefined, bundle: BundleReader): readonly StagedBundleFile[] {
  const before = record?.bundle?.digest === bundle.bundleDigest ? record.previous : record?.bundle;
  if (record === undefined || before === undefined) return [];
  const owned = record.hosts[record.seed]?.owned ?? [];
  return owned.filter((one) => one.kind === 'bundle' && one.details?.['of'] === before.digest).flatMap(keptBundle);
}

function keptBundle({ key, digest, details }: OwnedResource): readonly StagedBundleFile[] {
  const of = details?.['of'];
  if (digest === undefined || of === undefined || !isDigest(of)) return [];
  return [
    {
      path: key,
      digest,
      of,
      isServed: false,
      isPlaced: async () => true,
      place: () => Promise.reject(new Error(`"${key}" is kept, not made`)),
    },
  ];
}
