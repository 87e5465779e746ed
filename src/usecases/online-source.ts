import { LOCK_MEMBER, openPartialBundle, plannedBundle, type BundlePlan, type BundleReader } from '../bundle/index.ts';
import { CaissonError, type ErrorCode } from '../core/index.ts';
import { readRemoteFile, type Host } from '../host/index.ts';
import { upstreamSettingsPath, type SeedLayout } from '../site/index.ts';
import { describeMissing, missingOf } from './missing.ts';

/** The bundle of a lock, before its members are fetched. */
export interface BeginRequest {
  readonly plan: BundlePlan;
  /** Members that are files of this machine, by path of the member. */
  readonly files: ReadonlyMap<string, string>;
}

/** A run whose bundle is supplied online: the depot of the seed fetches the members that hosts ask for. */
export interface OnlineRequest {
  /** The bundle of the lock that was named. The bundle that the site has by default. */
  readonly begin?: BeginRequest | undefined;
  /** Settings with which the depot reaches upstream. With `replaces` they take the place of those that the seed has. */
  readonly upstream?: { readonly text: string; readonly replaces: boolean } | undefined;
}

/** The place on the seed of a bundle that is supplied online. */
export interface OnlineSource extends OnlineRequest {
  /** Name of the bundle once it is complete. */
  readonly path: string;
}

/** The online supply of a session. */
export interface OnlineSession extends Pick<OnlineSource, 'path' | 'begin'> {
  /** Text of the settings with which the depot reaches upstream. */
  readonly upstream: string;
}

/** Opens a bundle that is not complete: as it was begun on the seed, or as the lock plans it. */
export async function openOnlineSource({ path, begin }: OnlineSource): Promise<BundleReader> {
  if (begin !== undefined) return plannedBundle(begin.plan, path, begin.files);
  const begun = await openPartialBundle(path);
  if (begun !== undefined) return begun;
  throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": it was not begun`, { hint: REMEDY });
}

const REMEDY = 'Name the lock again: caisson install --online --lock FILE';

/** Finds the settings for upstream: those of the request, or those on the seed. Throws INPUT_UNREADABLE when there are none. */
export async function onlineSession(
  { path, begin, upstream }: OnlineSource,
  { seed, layout, signal }: { readonly seed: Host; readonly layout: SeedLayout; readonly signal: AbortSignal },
): Promise<OnlineSession> {
  if (upstream?.replaces === true) return { path, begin, upstream: upstream.text };
  const file = upstreamSettingsPath(layout);
  const text = (await readRemoteFile(seed, file, { signal })) ?? upstream?.text;
  if (text === undefined) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot tell how the depot reaches upstream: "${file}" is gone`, {
      hint: 'Say it again: the same command, or caisson install, with --online and the --mirror and --ca of before; with --lock FILE for another bundle',
    });
  }
  return { path, begin, upstream: text };
}

const NOT_BEGUN: ReadonlySet<ErrorCode> = new Set(['INPUT_UNREADABLE', 'BUNDLE_DAMAGED', 'BUNDLE_VERSION_UNKNOWN']);

/** True when the bundle was begun at this path, whether its members are there or not. */
export async function isBegun({ bundleDigest }: Pick<BundleReader, 'bundleDigest'>, path: string): Promise<boolean> {
  try {
    const begun = await openPartialBundle(path);
    await begun?.close();
    return begun?.bundleDigest === bundleDigest;
  } catch (error) {
    if (error instanceof CaissonError && NOT_BEGUN.has(error.code)) return false;
    throw error;
  }
}

/** Lines that are shown with the plan of a site that is supplied online. */
export function onlineNotes({
  online,
  request: { bundle },
}: {
  readonly online: OnlineSession | undefined;
  readonly request: { readonly bundle: Pick<BundleReader, 'entry'> };
}): readonly string[] {
  if (online === undefined) return [];
  const lock = bundle.entry(LOCK_MEMBER)?.digest ?? 'unknown';
  return [`Supplied online: the depot fetches what hosts ask for, as lock ${lock} has it`];
}

/** Says of a bundle that is supplied online what the depot has not fetched of it yet. */
export async function stillMissing({
  online,
  request: { bundle },
}: {
  readonly online: OnlineSession | undefined;
  readonly request: { readonly bundle: Pick<BundleReader, 'manifest'> };
}): Promise<readonly string[]> {
  const missing = online === undefined ? undefined : await missingOf(online.path);
  if (missing === undefined || missing.members === 0) return [];
  const { name, version } = bundle.manifest;
  return [`${describeMissing(missing)} of ${name} ${version} were never fetched: the depot fetches those that hosts ask for`];
}
