import type { BundleBase } from '../bundle/index.ts';
import type { PackageTie } from '../ospkg/index.ts';
import type { BuildResult } from './build-bundle.ts';
import { imageSize } from './image-descriptors.ts';
import type { LockChange } from './lock-changes.ts';
import type { Upstream } from './upstream.ts';

/** The content of a planned bundle with its origins; sizes are bytes. */
export interface PlanReport {
  readonly output: string;
  /** Paths of the volumes; the output itself when it is not cut. */
  readonly files: readonly string[];
  readonly bundle: { readonly name: string; readonly version: string; readonly date: string; readonly platforms: readonly string[] };
  /** Of the finished file. */
  readonly size: number;
  readonly digest: string;
  /** Bundles without which a delta is not complete, and how much of it lies in them. */
  readonly bases: readonly BundleBase[];
  readonly inBases: number;
  /** Bytes to download when no earlier bundle exists: each blob counts once. */
  readonly download: number;
  readonly images: readonly {
    readonly name: string;
    readonly source: string;
    readonly from: string;
    readonly size: number;
    /** Empty for artifacts. */
    readonly platforms: readonly string[];
    readonly artifactTypes?: readonly string[];
  }[];
  /** Files of files.txt. */
  readonly listedFiles: readonly {
    readonly name: string;
    readonly from: string;
    readonly size: number;
    readonly digest: string;
    /** True where files.txt has the digest; else it was found, and the lock keeps it. */
    readonly promised: boolean;
  }[];
  readonly repositories: readonly {
    readonly id: string;
    readonly architecture: string;
    readonly packages: number;
    readonly size: number;
    readonly from: readonly string[];
    /** Names that several packages provide alike, of which one was taken. */
    readonly ties: readonly PackageTie[];
  }[];
  readonly executables: readonly { readonly platform: string; readonly size: number }[];
  /** Differences from the lock before; undefined where there was none. */
  readonly changes: readonly LockChange[] | undefined;
}

export function planReport(
  { output, files, plan, lock, origins, changes, promised }: BuildResult,
  upstream: Pick<Upstream, 'images' | 'addressOf'>,
): PlanReport {
  const { name, version, date, platforms } = plan.manifest;
  const isDownloaded = (path: string): boolean => origins.get(path)?.some(({ kind }) => kind !== 'executable') === true;
  return {
    output,
    files,
    bundle: { name, version, date, platforms },
    size: plan.size,
    digest: plan.bundleDigest,
    bases: plan.manifest.bases,
    inBases: sum(plan.manifest.baseEntries),
    download: sum(plan.members.filter(({ path }) => isDownloaded(path))),
    images: lock.images.map((image) => ({
      name: image.name,
      source: image.source,
      from: upstream.images.describe(image.source),
      size: imageSize(image),
      platforms: image.platforms,
      ...(image.artifacts === undefined ? {} : { artifactTypes: [...new Set(image.artifacts.map(({ artifactType }) => artifactType))] }),
    })),
    listedFiles: (lock.listedFiles ?? []).map(({ name: called, url, size, digest }) => ({
      name: called,
      from: upstream.addressOf(url),
      size,
      digest,
      promised: promised.has(called),
    })),
    repositories: lock.operatingSystems.map(({ id, architecture, packages, ties = [] }) => ({
      id,
      architecture,
      packages: packages.length,
      size: sum(packages),
      from: [...new Set(packages.map(({ repository }) => upstream.addressOf(repository)))].toSorted(),
      ties,
    })),
    executables: lock.executables.map(({ platform, size }) => ({ platform, size })),
    changes,
  };
}

function sum(items: Iterable<{ readonly size: number }>): number {
  let total = 0;
  for (const { size } of items) total += size;
  return total;
}
