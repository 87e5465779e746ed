import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openBundle, openPartialBundle, partialPath, type BundleBase, type BundleReader, type MissingMembers } from '../bundle/index.ts';
import { CaissonError, errnoOf, messageOf, type Digest } from '../core/index.ts';
import {
  BESIDE_BUNDLE,
  openFileStore,
  stagedBundleName,
  UNVERIFIED_COPY,
  type Acceptance,
  type Machines,
  type RecordedBundle,
  type SeedLayout,
  type SiteRecord,
} from '../site/index.ts';
import { acceptanceOf } from './acceptance.ts';
import { withInstallLock } from './install-lock.ts';
import { missingOf } from './missing.ts';
import { layoutOf } from './session.ts';
import { siteUnknown, unfinishedBundle } from './site-sources.ts';

/** How much of a bundle is on the seed. `partly`: the depot fetches the rest. `copying`: a copy of it was begun. */
type State = 'whole' | 'partly' | 'copying' | 'damaged' | 'gone';

/** One bundle that the seed has or should have. */
export interface SiteBundle {
  /** Path that it has once it is whole. */
  readonly path: string;
  readonly state: State;
  /** Undefined where the record does not know the bundle and its file cannot be read. */
  readonly name?: string;
  readonly version?: string;
  readonly digest?: Digest;
  /** Bytes of the whole bundle. */
  readonly size?: number;
  /** Why it is kept: `in force`, `before`, `of the run that did not end well`, `base of NAME VERSION`. Empty where nothing needs it. */
  readonly keptAs: readonly string[];
  /** Members that the depot has not fetched. */
  readonly missing?: MissingMembers;
  /** How it was accepted. Undefined where the record does not say it. */
  readonly accepted?: Acceptance;
  /** Other hosts that have copies of it. */
  readonly copies: readonly string[];
}

interface SeedOptions {
  readonly machines?: Machines | undefined;
}

/** A bundle in the directory of bundles, with everything beside it. */
interface Found extends Pick<SiteBundle, 'path' | 'state' | 'name' | 'version' | 'digest' | 'size'> {
  readonly bases: readonly BundleBase[];
  /** Names of the files in the directory that belong to it. */
  readonly files: readonly string[];
}

/**
 * Lists the bundles of the seed: those in its directory, and those that are needed although they are gone. Asks no host and
 * reads no member. Without a record, no bundle is kept as anything. Throws INPUT_UNREADABLE and SITE_RECORD_INVALID.
 */
export async function listBundles({ machines }: SeedOptions = {}): Promise<readonly SiteBundle[]> {
  const layout = layoutOf({ machines });
  const record = await openFileStore(layout.record).read();
  const found = await findBundles(layout);
  const named = wantedBundles(record).map(({ bundle }) => bundle);
  const bases = found.filter(({ path }) => named.some((bundle) => pathOf(bundle, layout) === path)).flatMap((one) => one.bases);
  const all = [...found];
  for (const { name, version, digest } of [...named, ...bases]) {
    const path = pathOf({ name, version, digest }, layout);
    if (!all.some((one) => one.path === path)) all.push({ path, state: 'gone', name, version, digest, bases: [], files: [] });
  }
  const purposes = purposesOf(all, record, layout);
  return Promise.all(
    all.map(async ({ bases: _bases, files: _files, ...bundle }): Promise<SiteBundle> => {
      const accepted = acceptanceOf(bundle.digest, record);
      const missing = bundle.state === 'partly' ? await missingOf(bundle.path) : undefined;
      return {
        ...bundle,
        keptAs: purposes.get(bundle.path) ?? [],
        ...(missing === undefined ? {} : { missing }),
        ...(accepted === undefined ? {} : { accepted }),
        copies: copiesOf(bundle.digest, record),
      };
    }),
  );
}

/** Paths of files in the directory of bundles that nothing needs: of bundles that are kept as nothing, and files that killed runs left beside whole ones. */
export async function unneededFiles({ machines }: SeedOptions = {}): Promise<readonly string[]> {
  const layout = layoutOf({ machines });
  const record = await openFileStore(layout.record).read();
  if (record === undefined) throw siteUnknown('which bundles are needed');
  const unfinished = unfinishedBundle(record);
  if (unfinished !== undefined) {
    throw new CaissonError(
      'RUN_UNFINISHED',
      `Cannot tell which bundles are needed: the last run was to install ${unfinished.name} ${unfinished.version}, and it did not end well`,
      { hint: 'Finish it with the same command, or go back: caisson rollback. Either removes what is not needed then' },
    );
  }
  const found = await findBundles(layout);
  const purposes = purposesOf(found, record, layout);
  return found.flatMap(({ path, state, files }) => {
    const isNeeded = (purposes.get(path) ?? []).length > 0;
    const unneeded = !isNeeded ? files : state === 'whole' ? files.filter((file) => join(layout.bundles, file) !== path) : [];
    return unneeded.map((file) => join(layout.bundles, file));
  });
}

/** Removes what unneededFiles finds, and returns the paths. Throws INSTALL_LOCKED while a run is under way, and what unneededFiles throws. */
export async function pruneBundles(
  options: SeedOptions,
  approve: (paths: readonly string[]) => Promise<boolean>,
): Promise<readonly string[]> {
  return withInstallLock(layoutOf(options), async () => {
    const paths = await unneededFiles(options);
    if (paths.length === 0) return paths;
    if (!(await approve(paths))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was removed');
    for (const path of paths) await rm(path, { force: true });
    return paths;
  });
}

/** The bundles that the record names, with what they are. */
function wantedBundles(record: SiteRecord | undefined): readonly { readonly bundle: RecordedBundle; readonly purpose: string }[] {
  if (record === undefined) return [];
  const { bundle: inForce, previous } = record;
  const named = [
    { bundle: inForce, purpose: 'in force' },
    { bundle: previous, purpose: 'before' },
    { bundle: unfinishedBundle(record), purpose: 'of the run that did not end well' },
  ];
  return named.flatMap(({ bundle, purpose }) => (bundle === undefined ? [] : [{ bundle, purpose }]));
}

function purposesOf(found: readonly Found[], record: SiteRecord | undefined, layout: SeedLayout): ReadonlyMap<string, readonly string[]> {
  const purposes = new Map<string, string[]>();
  const add = (path: string, purpose: string): void => void purposes.set(path, [...(purposes.get(path) ?? []), purpose]);
  const wanted = wantedBundles(record);
  for (const { bundle, purpose } of wanted) add(pathOf(bundle, layout), purpose);
  for (const { bundle } of wanted) {
    const bases = found.find(({ path }) => path === pathOf(bundle, layout))?.bases ?? [];
    for (const base of bases) add(pathOf(base, layout), `base of ${bundle.name} ${bundle.version}`);
  }
  return purposes;
}

function pathOf({ name, version, digest }: Pick<RecordedBundle, 'name' | 'version' | 'digest'>, { bundles }: SeedLayout): string {
  return join(bundles, stagedBundleName({ manifest: { name, version }, bundleDigest: digest }));
}

function copiesOf(digest: Digest | undefined, record: SiteRecord | undefined): readonly string[] {
  const others = Object.entries(record?.hosts ?? {}).filter(([host]) => host !== record?.seed);
  return others.flatMap(([host, { owned }]) =>
    owned.some((one) => one.kind === 'bundle' && digest !== undefined && one.digest === digest) ? [host] : [],
  );
}

/** Name of a bundle in the directory of bundles, as stagedBundleName makes it. */
const BUNDLE_NAME = /-[0-9a-f]{12}\.tar$/;

async function findBundles({ bundles }: SeedLayout): Promise<readonly Found[]> {
  const byName = new Map<string, string[]>();
  for (const file of await filesIn(bundles)) {
    const suffix = BESIDE_BUNDLE.find((one) => file.endsWith(one)) ?? '';
    const name = file.slice(0, file.length - suffix.length);
    if (BUNDLE_NAME.test(name)) byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  return Promise.all([...byName].sort().map(([name, files]) => findBundle(join(bundles, name), files)));
}

async function filesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw new CaissonError('INPUT_UNREADABLE', `Cannot look for bundles in "${directory}": ${messageOf(cause)}`, { cause });
  }
}

async function findBundle(path: string, files: readonly string[]): Promise<Found> {
  const has = (full: string): boolean => files.some((file) => full.endsWith(`/${file}`));
  try {
    if (has(path)) return await described(await openBundle(path), { path, state: 'whole', files });
    const begun = has(partialPath(path)) ? await openPartialBundle(path) : undefined;
    if (begun !== undefined) return await described(begun, { path, state: 'partly', files });
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return { path, state: 'damaged', bases: [], files };
  }
  return { path, state: has(`${path}${UNVERIFIED_COPY}`) ? 'copying' : 'damaged', bases: [], files };
}

async function described(reader: BundleReader, found: Pick<Found, 'path' | 'state' | 'files'>): Promise<Found> {
  await reader.close();
  const { manifest, bundleDigest, size } = reader;
  const { name, version, bases } = manifest;
  return { ...found, name, version, digest: bundleDigest, size, bases };
}
