import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { partialPath } from '../bundle/index.ts';
import { CaissonError } from '../core/index.ts';
import { isThere } from '../io/index.ts';
import type { OnlineRequest, OnlineSource } from './online-source.ts';
import { stagedBundleName, type RecordedBundle, type SeedLayout, type SiteRecord } from '../site/index.ts';

/** Files that a run is made from. */
export interface SiteSources {
  /** Files of the bundle. Empty for one that is supplied online and not complete. */
  readonly bundlePaths: readonly string[];
  /** cluster.yaml. */
  readonly clusterPath: string;
  /** Set when the bundle is supplied online. */
  readonly online?: OnlineSource | undefined;
}

interface AskedSources {
  readonly bundlePaths?: readonly string[] | undefined;
  readonly clusterPath?: string | undefined;
  /** How the bundle is supplied; as it is recorded by default. */
  readonly supply?: 'offline' | OnlineRequest | undefined;
  /** A bundle that the seed keeps, in the place of the one in force. */
  readonly kept?: RecordedBundle | undefined;
}

/**
 * Completes what the user named with what the site has: the bundle that is installed, from its copy on the seed, and
 * cluster.yaml where the last run found it. Throws SITE_UNKNOWN when there is no record to complete from, and
 * RUN_UNFINISHED when the last run of the site was to install another bundle than the one in force and did not end well: which of the two
 * is meant is for the user to say.
 */
export async function siteSources(
  { bundlePaths, clusterPath, supply, kept }: AskedSources,
  record: SiteRecord | undefined,
  layout: Pick<SeedLayout, 'bundles'>,
): Promise<SiteSources> {
  const request = typeof supply === 'object' ? supply : undefined;
  const isNamed = bundlePaths !== undefined || request?.begin !== undefined;
  if (record === undefined && !(isNamed && clusterPath !== undefined)) throw siteUnknown('what is installed, and on which hosts');
  const cluster = clusterPath ?? clusterOf(known(record));
  if (request?.begin !== undefined) {
    const { plan } = request.begin;
    const path = join(layout.bundles, stagedBundleName(plan));
    return { bundlePaths: (await isThere(path)) ? [path] : [], clusterPath: cluster, online: { ...request, path } };
  }
  if (bundlePaths !== undefined && kept === undefined) return { bundlePaths, clusterPath: cluster };
  const inForce = known(record);
  if (kept === undefined) return { ...(await keptSources(bundleInForce(inForce), supply, layout)), clusterPath: cluster };
  return { ...(await keptSources(kept, supply ?? (await supplyOfReturn(kept, inForce, layout)), layout)), clusterPath: cluster };
}

/**
 * How a bundle is supplied that the site goes back to, where no flag says it. A site that went offline meanwhile fetches nothing
 * unasked: a bundle that is whole is installed offline. Throws BUNDLE_INCOMPLETE for one that is not.
 */
async function supplyOfReturn(
  bundle: RecordedBundle,
  { bundle: inForce }: SiteRecord,
  layout: Pick<SeedLayout, 'bundles'>,
): Promise<'offline' | undefined> {
  if (bundle.supply !== 'online' || inForce?.supply === 'online') return undefined;
  const path = stagedName(bundle, layout);
  if ((await isThere(path)) || !(await isThere(partialPath(path)))) return 'offline';
  throw new CaissonError('BUNDLE_INCOMPLETE', `Cannot go back to "${path}" offline: the depot has not fetched all of it`, {
    hint: 'Let it fetch the rest: caisson rollback --online; or carry the bundle of the same lock to the seed: caisson install --offline --bundle FILE',
  });
}

/** The files of a bundle that the seed has. */
async function keptSources(
  bundle: RecordedBundle,
  supply: AskedSources['supply'],
  layout: Pick<SeedLayout, 'bundles'>,
): Promise<Omit<SiteSources, 'clusterPath'>> {
  const path = stagedName(bundle, layout);
  const isOnline = supply === undefined ? bundle.supply === 'online' : supply !== 'offline';
  const online = isOnline ? { ...(typeof supply === 'object' ? supply : {}), path } : undefined;
  if (!(await isThere(path)) && (await isThere(partialPath(path)))) {
    if (online !== undefined) return { bundlePaths: [], online };
    throw new CaissonError('BUNDLE_INCOMPLETE', `Cannot go offline with "${path}": the depot has not fetched all of it`, {
      hint: 'Carry the bundle of the same lock to the seed: caisson install --offline --bundle FILE',
    });
  }
  return { bundlePaths: [await stagedPath(bundle, layout)], online };
}

function known(record: SiteRecord | undefined): SiteRecord {
  if (record === undefined) throw siteUnknown('what is installed, and on which hosts');
  return record;
}

/** The path that a bundle has on the seed once it is whole. */
export function stagedName(
  { name, version, digest }: Omit<RecordedBundle, 'supply' | 'lock'>,
  layout: Pick<SeedLayout, 'bundles'>,
): string {
  return join(layout.bundles, stagedBundleName({ manifest: { name, version }, bundleDigest: digest }));
}

/** The path of the copy of a bundle that the seed keeps. Throws INPUT_UNREADABLE when it is gone. */
export async function stagedPath(bundle: RecordedBundle, layout: Pick<SeedLayout, 'bundles'>): Promise<string> {
  const { name, version } = bundle;
  const path = stagedName(bundle, layout);
  try {
    await access(path);
    return path;
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}", the seed's copy of bundle ${name} ${version}`, {
      cause,
      hint: 'Carry the bundle to the seed again and name it: caisson install --offline --bundle FILE; where a node is down, first: caisson node up NAME --bundle FILE',
    });
  }
}

function bundleInForce(record: SiteRecord): RecordedBundle {
  const unfinished = unfinishedBundle(record);
  // Where none is in force yet, no other bundle can be meant.
  if (unfinished !== undefined && record.bundle === undefined) return unfinished;
  if (unfinished !== undefined) {
    throw new CaissonError(
      'RUN_UNFINISHED',
      `Cannot tell which bundle is meant: the last run was to install ${unfinished.name} ${unfinished.version}, and it did not end well`,
      { hint: 'Finish it: run "caisson upgrade" or "caisson install --offline" with --bundle again; or go back: caisson rollback' },
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
