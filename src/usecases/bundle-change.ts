import type { BundleManifest } from '../bundle/index.ts';
import type { Digest } from '../core/index.ts';
import type { BundleChange } from '../preflight/index.ts';
import type { SeedLayout, SiteRecord } from '../site/index.ts';
import { manifestOf } from './bundle-before.ts';
import { missingOf } from './missing.ts';
import { stagedName } from './site-sources.ts';

/**
 * Finds the bytes that are there already of a change to the bundle `next`; undefined when the run changes no bundle. `begun` is the path of
 * `next` where the depot has begun to fetch it.
 */
export async function bundleChange(
  record: SiteRecord | undefined,
  { next, begun, layout }: { readonly next: Digest; readonly begun: string | undefined; readonly layout: Pick<SeedLayout, 'bundles'> },
): Promise<BundleChange | undefined> {
  if (record?.bundle === undefined || record.bundle.digest === next) return undefined;
  const inForce = await manifestOf(stagedName(record.bundle, layout));
  const missing = begun === undefined ? undefined : await missingOf(begun);
  const toFetch = missing?.bytes ?? 0;
  if (inForce === undefined) return { layers: undefined, packages: undefined, toFetch };
  return { layers: layersOf(record, inForce), packages: packagesOf(inForce), toFetch };
}

/** Digests of all packages of a bundle: a delta has those of its bases, too. */
function packagesOf({ entries, baseEntries }: BundleManifest): ReadonlySet<Digest> {
  return new Set([...entries, ...baseEntries].flatMap(({ kind, digest }) => (kind === 'package' ? [digest] : [])));
}

/** Digests of the layers of the images that each host has by the record, as the bundle in force describes them. */
function layersOf(record: SiteRecord, { images }: BundleManifest): ReadonlyMap<string, ReadonlySet<Digest>> {
  const byName = new Map(
    images.map(({ name, platforms }) => [name, platforms.flatMap(({ layers }) => layers.map(({ digest }) => digest))]),
  );
  return new Map(
    Object.entries(record.hosts).map(([host, { owned }]) => [
      host,
      new Set(owned.flatMap(({ kind, key }) => (kind === 'image' ? (byName.get(key) ?? []) : []))),
    ]),
  );
}
