import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../core/index.ts';
import { stagedBundleName, type RecordedBundle, type SeedLayout, type SiteRecord } from '../site/index.ts';

/** Files that a run is made from. */
export interface SiteSources {
  /** Files of the bundle. */
  readonly bundlePaths: readonly string[];
  /** cluster.yaml. */
  readonly clusterPath: string;
}

/**
 * Completes what the user named with what the site has: the bundle that is installed, from its copy on the seed, and
 * cluster.yaml where the last run found it. Throws SITE_UNKNOWN when there is no record to complete from, and
 * RUN_UNFINISHED when the last run of the site was to install another bundle and did not end well: which of the two bundles
 * is meant is for the user to say.
 */
export async function siteSources(
  { bundlePaths, clusterPath }: { readonly [name in keyof SiteSources]?: SiteSources[name] | undefined },
  record: SiteRecord | undefined,
  layout: Pick<SeedLayout, 'bundles'>,
): Promise<SiteSources> {
  if (bundlePaths !== undefined && clusterPath !== undefined) return { bundlePaths, clusterPath };
  if (record === undefined) throw siteUnknown('what is installed, and on which hosts');
  return {
    bundlePaths: bundlePaths ?? [await stagedPath(bundleInForce(record), layout)],
    clusterPath: clusterPath ?? clusterOf(record),
  };
}

/** The path of the copy of a bundle that the seed keeps. Throws INPUT_UNREADABLE when it is gone. */
export async function stagedPath(bundle: RecordedBundle, layout: Pick<SeedLayout, 'bundles'>): Promise<string> {
  const { name, version, digest } = bundle;
  const path = join(layout.bundles, stagedBundleName({ manifest: { name, version }, bundleDigest: digest }));
  try {
    await access(path);
    return path;
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}", the seed's copy of bundle ${name} ${version}`, {
      cause,
      hint: 'Carry the bundle to the seed again and name it: caisson install --offline --bundle FILE',
    });
  }
}

function bundleInForce(record: SiteRecord): RecordedBundle {
  const unfinished = unfinishedBundle(record);
  if (unfinished !== undefined) {
    throw new CaissonError(
      'RUN_UNFINISHED',
      `Cannot tell which bundle is meant: the last run was to install ${unfinished.name} ${unfinished.version}, and it did not end well`,
      { hint: 'Finish it: run "caisson upgrade" or "caisson install" with --bundle again; or go back: caisson rollback' },
    );
  }
  if (record.bundle === undefined) throw siteUnknown('which bundle is installed');
  return record.bundle;
}

/** The bundle of the last run, when that run did not end well and the bundle is not the one in force. */
export function unfinishedBundle({ operations, bundle }: SiteRecord): RecordedBundle | undefined {
  const last = operations.at(-1);
  return last === undefined || last.outcome === 'done' || last.bundle?.digest === bundle?.digest ? undefined : last.bundle;
}

/** The path of cluster.yaml that the record names. Throws SITE_UNKNOWN when it names none. */
export function clusterOf({ cluster }: SiteRecord): string {
  if (cluster === undefined) throw siteUnknown('where its cluster.yaml is');
  return cluster.path;
}

/** The error for a question that only the seed of a site can answer. */
export function siteUnknown(what: string): CaissonError {
  return new CaissonError('SITE_UNKNOWN', `Cannot tell ${what}: this machine has no record of it`, {
    hint: 'Run this on the seed of the site; name the files with --bundle and --cluster where the site is new or its record was lost',
  });
}
