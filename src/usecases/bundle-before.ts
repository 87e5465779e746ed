import { openBundle, openPartialBundle, type BundleManifest } from '../bundle/index.ts';
import { CaissonError, type Digest, type ErrorCode } from '../core/index.ts';
import type { RecordedBundle, SeedLayout, SiteRecord } from '../site/index.ts';
import { stagedName } from './site-sources.ts';

/** The bundle that a run keeps for a return, beside the one that it installs. */
export interface BundleBefore {
  readonly bundle: RecordedBundle;
  /** Digests of the bundle and of its bases. */
  readonly needed: ReadonlySet<Digest>;
}

/**
 * Returns the bundle before `next`: the one in force, or where `next` is in force, the one that it replaced. Its bases are
 * read from its file: a record lists each file for one bundle alone, and the bundle that a failed run was to install may
 * have the same base. Where the file is gone, the record says what other hosts keep for it. Undefined when there is no bundle
 * before.
 */
export async function bundleBefore(
  record: SiteRecord | undefined,
  next: Digest,
  layout: Pick<SeedLayout, 'bundles'>,
): Promise<BundleBefore | undefined> {
  const bundle = record?.bundle?.digest === next ? record.previous : record?.bundle;
  if (record === undefined || bundle === undefined) return undefined;
  const manifest = await manifestOf(stagedName(bundle, layout));
  const bases = manifest === undefined ? recordedFor(record, bundle.digest) : manifest.bases.map(({ digest }) => digest);
  return { bundle, needed: new Set([bundle.digest, ...bases]) };
}

/** Digests of the bundles that hosts were given for this one. */
function recordedFor({ hosts }: SiteRecord, bundle: Digest): readonly Digest[] {
  const owned = Object.values(hosts).flatMap((host) => host.owned);
  return owned.flatMap(({ kind, digest, details }) =>
    kind === 'bundle' && digest !== undefined && details?.['of'] === bundle ? [digest] : [],
  );
}

const UNREADABLE: ReadonlySet<ErrorCode> = new Set(['INPUT_UNREADABLE', 'BUNDLE_INCOMPLETE', 'BUNDLE_DAMAGED', 'BUNDLE_VERSION_UNKNOWN']);

/** The manifest of a bundle on the seed, whole or not. Undefined when there is no such bundle, or when it cannot be read. */
export async function manifestOf(path: string): Promise<BundleManifest | undefined> {
  try {
    const reader = (await openPartialBundle(path)) ?? (await openBundle(path));
    await reader.close();
    return reader.manifest;
  } catch (error) {
    if (error instanceof CaissonError && UNREADABLE.has(error.code)) return undefined;
    throw error;
  }
}
