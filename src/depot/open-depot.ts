import {
  bundleCatalog,
  bundleTree,
  checkSignatures,
  closeBundles,
  openBundles,
  requireTrust,
  type BundleManifest,
  type BundleReader,
  type BundleSignature,
  type Trust,
} from '../bundle/index.ts';
import type { Digest, Emit } from '../core/index.ts';
import type { FileTree } from '../io/index.ts';
import type { BlobStore, ImageCatalog } from '../oci/index.ts';
import type { RepositoryKeyPair } from '../ospkg/index.ts';
import {
  createMetrics,
  fileRoutes,
  readOnly,
  registryRoutes,
  router,
  type Exchange,
  type Gauge,
  type Handler,
  type Route,
} from '../server/index.ts';
import { answerRefusals, demandedBlobs, demandedTree, unchangedBlobs, unchangedTree, type DemandedBundle } from './demanded-bundle.ts';
import { bundleFiles } from './bundle-files.ts';
import { namedFiles } from './named-files.ts';
import { repositoryOverlay } from './repository-overlay.ts';
import { statusPage } from './status-page.ts';
import { unionBlobs, unionCatalogs, unionTrees } from './union.ts';

export interface DepotOptions {
  /** Paths of bundle files, a delta with its bases. For a name that several hold, a delta wins over its bases, else the first. */
  readonly bundles: readonly string[];
  /** Bundles whose members are fetched when they are asked for. They stay the caller's to close, after the depot. */
  readonly demanded?: readonly DemandedBundle[];
  /** Whose signature each bundle must have; without it, signatures are told and none is required. */
  readonly trust?: Trust | undefined;
  /** Signs the package repositories. */
  readonly repositoryKey: RepositoryKeyPair;
  readonly emit: Emit;
  /** How many connections are open, for the metrics. */
  readonly connections?: () => number;
  /** Further gauges for the metrics. */
  readonly gauges?: readonly Gauge[];
}

/** One bundle that a depot serves. */
export interface ServedBundle {
  readonly manifest: BundleManifest;
  /** Identity of the bundle. */
  readonly digest: Digest;
  /** Who signed it. */
  readonly signatures: readonly BundleSignature[];
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
 * unpacked, and only the repository metadata that is signed is read. Throws the errors of openBundles, those of requireTrust
 * where `trust` is given, and CERTIFICATE_INVALID for a repository key that cannot sign. The places: `/v2/` the registry, `/<path of a repository>/`
 * each package repository with its signatures and key.asc, `/files/` every member of the bundle by its path and every file of files.txt by its name, `/bundles/`
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

/** The parts of one bundle that a depot serves. */
interface Content {
  readonly reader: BundleReader;
  readonly catalog: ImageCatalog;
  readonly blobs: BlobStore;
  readonly tree: FileTree;
}

async function contentOf(reader: BundleReader): Promise<Content> {
  return {
    reader,
    catalog: await bundleCatalog(reader),
    blobs: unchangedBlobs(reader),
    tree: unchangedTree(bundleTree(reader), (path) => reader.holderOf(path)),
  };
}

async function demandedContent(bundle: DemandedBundle): Promise<Content> {
  const { reader, documents } = bundle;
  return { reader, catalog: await bundleCatalog(reader, documents), blobs: demandedBlobs(bundle), tree: demandedTree(bundle) };
}

async function compose(readers: readonly BundleReader[], options: DepotOptions): Promise<Omit<Depot, 'close'>> {
  const { demanded = [], trust } = options;
  const signaturesOf = (reader: BundleReader): readonly BundleSignature[] =>
    trust === undefined ? checkSignatures(reader.signatures, reader.sums, undefined).signatures : requireTrust(reader, trust);
  const contents = [...(await Promise.all(readers.map(contentOf))), ...(await Promise.all(demanded.map(demandedContent)))];
  const bundles = contents.map(({ reader }) => ({
    manifest: reader.manifest,
    digest: reader.bundleDigest,
    signatures: signaturesOf(reader),
  }));
  const catalog = unionCatalogs(contents.map((content) => content.catalog));
  const registry = registryRoutes({ catalog, blobs: unionBlobs(contents.map(({ blobs }) => blobs)) });
  const metrics = createMetrics([
    {
      name: 'caisson_bundle_info',
      help: 'The bundles that are served.',
      read: () => bundles.map((bundle) => ({ labels: identityOf(bundle), value: 1 })),
    },
    {
      name: 'caisson_bundle_missing_bytes',
      help: 'Bytes of the bundles that are fetched when they are asked for, and were not yet.',
      read: () => demanded.map(({ reader, missing }) => ({ labels: { digest: reader.bundleDigest }, value: missing().bytes })),
    },
    { name: 'caisson_http_connections', help: 'Open connections.', read: () => [{ labels: {}, value: options.connections?.() ?? 0 }] },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory of the process.',
      read: () => [{ labels: {}, value: process.memoryUsage.rss() }],
    },
    ...(options.gauges ?? []),
  ]);
  const routes: readonly Route[] = [
    { path: '/', name: 'status', handle: readOnly(statusPage(bundles.map(({ manifest }) => manifest))) },
    { path: '/healthz', name: 'healthz', handle: readOnly(health(contents)) },
    { path: '/metrics', name: 'metrics', handle: readOnly(metrics.handle) },
    { path: '/v2', name: 'registry', handle: registry },
    { path: '/v2/', name: 'registry', handle: registry },
    {
      path: '/files/',
      name: 'files',
      handle: readOnly(fileRoutes({ tree: namedFiles(unionTrees(contents.map(({ tree }) => tree))), prefix: '/files/' })),
    },
    { path: '/bundles/', name: 'bundles', handle: readOnly(fileRoutes({ tree: bundleFiles(readers), prefix: '/bundles/' })) },
    ...(await repositoryRoutes(contents, options)),
  ];
  return { handle: answerRefusals(router(routes)), record: metrics.record, bundles };
}

async function repositoryRoutes(contents: readonly Content[], options: DepotOptions): Promise<readonly Route[]> {
  const routes = new Map<string, Route>();
  const readers = contents.map(({ reader }) => reader);
  for (const { reader, tree } of contents) {
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
      const handle = fileRoutes({ tree, prefix, root: repository.path, overlay });
      routes.set(prefix, { path: prefix, name: 'packages', handle: readOnly(handle) });
    }
  }
  return [...routes.values()];
}

function isBase({ bundleDigest }: BundleReader, readers: readonly BundleReader[]): boolean {
  return readers.some(({ manifest }) => manifest.bases.some(({ digest }) => digest === bundleDigest));
}

/** Name, version and digest of a bundle in health answers and metrics. */
function identityOf({ manifest, digest }: Pick<ServedBundle, 'manifest' | 'digest'>): Readonly<Record<string, string>> {
  const { name, version, date } = manifest;
  return { name, version, date, digest };
}

/** 200, or 503 when the file of a bundle has changed since it was opened, with the reason beside the bundle. */
function health(contents: readonly Content[]): Handler {
  return async () => {
    const bundles = await Promise.all(
      contents.map(async ({ reader }) => {
        const fault = await reader.changed();
        return { ...identityOf({ manifest: reader.manifest, digest: reader.bundleDigest }), ...(fault === undefined ? {} : { fault }) };
      }),
    );
    const isWell = bundles.every((bundle) => !('fault' in bundle));
    return {
      status: isWell ? 200 : 503,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: JSON.stringify({ status: isWell ? 'ok' : 'changed', bundles }),
    };
  };
}
