import { topologicalOrder } from '../../core/index.ts';
import { baseMisfit, type GivenBundle } from './base-misfit.ts';
import { groupVolumes } from '../volumes/find-volumes.ts';
import type { BundleBase } from '../format/manifest.ts';
import { basesMissing, damaged, openBundle, type BundleReader } from './reader.ts';

export interface OpenBundlesOptions {
  /** Finds a base that `paths` does not name: gives its path, or undefined when there is none. */
  readonly findBase?: (base: BundleBase) => Promise<string | undefined>;
}

/**
 * Opens all the bundles or none; close them with closeBundles. Volumes of one name are one bundle. A delta comes before
 * its bases and reads from them as if it held everything; otherwise the order of the paths is kept, and a bundle that
 * was given twice is there once. Bases that are found by findBase are among the result. Throws the errors of openBundle,
 * BUNDLE_BASE_MISSING naming every base that a delta lacks, or the bundle that was given in its place, BUNDLE_DAMAGED for a base that lacks members which a delta
 * names.
 */
export async function openBundles(paths: readonly string[], options: OpenBundlesOptions = {}): Promise<readonly BundleReader[]> {
  const readers: BundleReader[] = [];
  try {
    for (const location of groupVolumes(paths)) {
      const reader = await openBundle(location);
      if (readers.some(({ bundleDigest }) => bundleDigest === reader.bundleDigest)) await reader.close();
      else readers.push(reader);
    }
    readers.push(...(await openBases(readers, options)));
    return ordered(readers).map((reader) => linked(reader, readers));
  } catch (error) {
    await closeBundles(readers);
    throw error;
  }
}

/** Closes the files; streams that still run end with an error. */
export async function closeBundles(readers: readonly BundleReader[]): Promise<void> {
  await Promise.all(readers.map((reader) => reader.close()));
}

async function openBases(readers: readonly BundleReader[], { findBase }: OpenBundlesOptions): Promise<readonly BundleReader[]> {
  const found: BundleReader[] = [];
  try {
    for (const { manifest, path } of readers) {
      const missing: BundleBase[] = [];
      for (const base of manifest.bases) {
        if ([...readers, ...found].some(({ bundleDigest }) => bundleDigest === base.digest)) continue;
        const reader = await openBase(base, await findBase?.(base));
        if (reader === undefined) missing.push(base);
        else found.push(reader);
      }
      if (missing.length > 0) throw baseMisfit(readers.map(asGiven)) ?? basesMissing(path, missing);
    }
    return found;
  } catch (error) {
    await closeBundles(found);
    throw error;
  }
}

function asGiven({ path, bundleDigest, manifest: { name, version, bases } }: BundleReader): GivenBundle {
  return { path, name, version, digest: bundleDigest, bases };
}

async function openBase(base: BundleBase, path: string | undefined): Promise<BundleReader | undefined> {
  if (path === undefined) return undefined;
  const reader = await openBundle(path);
  if (reader.bundleDigest === base.digest) return reader;
  await reader.close();
  throw damaged(path, `it is bundle ${reader.bundleDigest}, and its name promises ${base.digest}`);
}

/** Sorts bundles so that each base comes after every delta that needs it. */
function ordered(readers: readonly BundleReader[]): readonly BundleReader[] {
  const neededBy = (base: BundleReader): string[] =>
    readers
      .filter(({ manifest }) => manifest.bases.some(({ digest }) => digest === base.bundleDigest))
      .map(({ bundleDigest }) => bundleDigest);
  return topologicalOrder(readers, ({ bundleDigest }) => bundleDigest, neededBy);
}

function linked(reader: BundleReader, readers: readonly BundleReader[]): BundleReader {
  const { bases, baseEntries } = reader.manifest;
  if (bases.length === 0) return reader;
  const byDigest = new Map(readers.map((base) => [base.bundleDigest, base]));
  for (const entry of baseEntries) {
    const base = byDigest.get(entry.base);
    if (base !== undefined && !base.holds(entry)) {
      throw damaged(reader.path, `it says that "${entry.path}" lies in "${base.path}", where it does not`);
    }
  }
  return reader.withBases(readers.filter(({ bundleDigest }) => bases.some(({ digest }) => digest === bundleDigest)));
}
