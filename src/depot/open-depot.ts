import {
  bundleBlobs,
  bundleCatalog,
  bundleTree,
  closeBundles,
  openBundles,
  type BundleManifest,
  type BundleReader,
} from '../bundle/index.ts';
import type { Digest, Emit } from '../core/index.ts';
import type { RepositoryKeyPair } from '../ospkg/index.ts';
import { createMetrics, fileRoutes, readOnly, registryRoutes, router, type Exchange, type Handler, type Route } from '../server/index.ts';
import { bundleFiles } from './bundle-files.ts';
import { repositoryOverlay } from './repository-overlay.ts';
import { statusPage } from './status-page.ts';
import { unionBlobs, unionCatalogs, unionTrees } from './union.ts';

export interface DepotOptions {
  /** Paths of bundle files, a delta with its bases. For a name that several hold, a delta wins over its bases, else the first. */
  readonly bundles: readonly string[];
  /** Signs the package repositories. */
  readonly repositoryKey: RepositoryKeyPair;
  readonly emit: Emit;
  /** How many connections are open, for the metrics. */
  readonly connections?: () => number;
}

/** One bundle that a depot serves. */
export interface ServedBundle {
  readonly manifest: BundleManifest;
  /** Identity of the bundle. */
  readonly digest: Digest;
}

export interface Depot {
  readonly handle: Handler;
  /** To be told of every exchange, for the metrics. */
  readonly record: (exchange: Exchange) => void;
  readonly bundles: readonly ServedBundle[];
  /** Closes the bundle files; streams that still run end with an error. */
  close(): Promise<void>;
}

/**
 * Opens bundles for serving in place: work and memory grow with the number of members, not with bytes; nothing is
 * unpacked, and only the repository metadata that is signed is read. Throws the errors of openBundles, and
 * CERTIFICATE_INVALID for a repository key that cannot sign. The places: `/v2/` the registry, `/<path of a repository>/`
 * each package repository with its signatures and key.asc, `/files/` every member of the bundle, `/bundles/`
 * the files of the bundles themselves, `/healthz`, `/metrics`,
 * and `/` a page for people.
 */
export async function openDepot(options: DepotOptions): Promise<Depot> {
  const readers = await openBundles(options.bundles);
  try {
    return { ...(await compose(readers, options)), close: () => closeBundles(readers) };
  } catch (error) {
    await closeBundles(readers);
    throw error;
  }
}

async function compose(readers: readonly BundleReader[], options: DepotOptions): Promise<Omit<Depot, 'close'>> {
  const bundles = readers.map(({ manifest, bundleDigest }) => ({ manifest, digest: bundleDigest }));
  const catalog = unionCatalogs(await Promise.all(readers.map(bundleCatalog)));
  const registry = registryRoutes({ catalog, blobs: unionBlobs(readers.map(bundleBlobs)) });
  const metrics = createMetrics([
    {
      name: 'caisson_bundle_info',
      help: 'The bundles that are served.',
      read: () => bundles.map((bundle) => ({ labels: identityOf(bundle), value: 1 })),
    },
    { name: 'caisson_http_connections', help: 'Open connections.', read: () => [{ labels: {}, value: options.connections?.() ?? 0 }] },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory of the process.',
      read: () => [{ labels: {}, value: process.memoryUsage.rss() }],
    },
  ]);
  const routes: readonly Route[] = [
    { path: '/', name: 'status', handle: readOnly(statusPage(bundles.map(({ manifest }) => manifest))) },
    { path: '/healthz', name: 'healthz', handle: readOnly(health(bundles)) },
    { path: '/metrics', name: 'metrics', handle: readOnly(metrics.handle) },
    { path: '/v2', name: 'registry', handle: registry },
    { path: '/v2/', name: 'registry', handle: registry },
    { path: '/files/', name: 'files', handle: readOnly(fileRoutes({ tree: unionTrees(readers.map(bundleTree)), prefix: '/files/' })) },
    { path: '/bundles/', name: 'bundles', handle: readOnly(fileRoutes({ tree: bundleFiles(readers), prefix: '/bundles/' })) },
    ...(await repositoryRoutes(readers, options)),
  ];
  return { handle: router(routes), record: metrics.record, bundles };
}

async function repositoryRoutes(readers: readonly BundleReader[], options: DepotOptions): Promise<readonly Route[]> {
  const routes = new Map<string, Route>();
  for (const reader of readers) {
    for (const repository of reader.manifest.repositories) {
      const prefix = `/${repository.path}/`;
      if (routes.has(prefix)) {
        // A delta has the whole repository of its time.
        if (!isBase(reader, readers))
          options.emit({
            type: 'warning',
            message: `Package repository "${repository.path}" of "${reader.path}" is not served: a bundle before it has one there`,
          });
        continue;
      }
      const overlay = await repositoryOverlay(reader, repository, options.repositoryKey);
      const handle = fileRoutes({ tree: bundleTree(reader), prefix, root: repository.path, overlay });
      routes.set(prefix, { path: prefix, name: 'packages', handle: readOnly(handle) });
    }
  }
  return [...routes.values()];
}

function isBase({ bundleDigest }: BundleReader, readers: readonly BundleReader[]): boolean {
  return readers.some(({ manifest }) => manifest.bases.some(({ digest }) => digest === bundleDigest));
}

/** Name, version and digest of a bundle in health answers and metrics. */
function identityOf({ manifest, digest }: ServedBundle): Readonly<Record<string, string>> {
  const { name, version, date } = manifest;
  return { name, version, date, digest };
}

function health(bundles: readonly ServedBundle[]): Handler {
  const body = JSON.stringify({ status: 'ok', bundles: bundles.map(identityOf) });
  return () => ({ status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body });
}
