import { formatPlatform } from '../core/index.ts';
import type { ImageSource } from '../oci/index.ts';
import { formatDate, newestRelease } from './content-date.ts';
import { fitsFile, fitsImage, fitsPackages } from './fit.ts';
import { lockedExecutable, lockedFile } from './input-files.ts';
import type { BuildInputs } from './inputs.ts';
import { LOCK_API_VERSION } from './lock-schema.ts';
import { orderLock, type BundleLock, type LockedImage, type LockedListedFile, type LockedOperatingSystem } from './lock.ts';
import { resolveFiles } from './resolve-files.ts';
import { resolveImages } from './resolve-images.ts';
import { resolvePackages, type PackageTools } from './resolve-packages.ts';
import { allResolved, isUnresolved, type Unresolved } from './unresolved.ts';
import type { Upstream } from './upstream.ts';
import { heldVersions, type Updates } from './updates.ts';

export interface ResolveTools extends PackageTools {
  readonly images: ImageSource;
  readonly measure: Upstream['measure'];
  /** Most images or files that are resolved at the same time. */
  readonly jobs: number;
}

/**
 * Makes the lock that fits the inputs. Entries of a former lock for unchanged inputs are kept without a request, but for those of
 * `updates`; without a former lock every input is resolved. Throws BUILD_UNRESOLVED naming everything that failed, of images,
 * files and packages alike.
 */
export async function resolveLock(
  inputs: BuildInputs,
  former: BundleLock | undefined,
  tools: ResolveTools,
  updates?: Updates,
): Promise<BundleLock> {
  const images = await lockImages(inputs, former, tools, updates);
  const listed = await lockFiles(inputs, former, tools, updates);
  const packages = await lockPackages(inputs, former, tools, updates);
  tools.signal?.throwIfAborted();
  allResolved<LockedImage | LockedListedFile | LockedOperatingSystem>([...images, ...listed, ...packages]);
  const operatingSystems = allResolved(packages);
  return orderLock({
    apiVersion: LOCK_API_VERSION,
    kind: 'BundleLock',
    date: formatDate(newestRelease(operatingSystems)),
    platforms: inputs.platforms.map(formatPlatform),
    images: allResolved(images),
    operatingSystems,
    executables: inputs.executables.map(lockedExecutable),
    files: inputs.files.map(lockedFile),
    listedFiles: allResolved(listed),
  });
}

async function lockImages(
  inputs: BuildInputs,
  former: BundleLock | undefined,
  tools: ResolveTools,
  updates: Updates | undefined,
): Promise<(LockedImage | Unresolved)[]> {
  const platforms = inputs.platforms.map(formatPlatform);
  const known = former?.images.filter((locked) => updates?.hasImage(locked) !== true) ?? [];
  const kept = inputs.images.flatMap((request) => known.find((locked) => fitsImage(locked, request, platforms)) ?? []);
  const names = new Set(kept.map(({ name }) => name));
  const asked = inputs.images.filter(({ name }) => !names.has(name));
  if (asked.length === 0) return kept;

  const resolved = await asTask({ id: 'resolve-images', title: 'Resolve images' }, asked.length, kept.length, tools, (onResolved) =>
    resolveImages(asked, inputs.platforms, { ...tools, onResolved }),
  );
  return [...kept, ...resolved];
}

async function lockFiles(
  { listedFiles }: BuildInputs,
  former: BundleLock | undefined,
  tools: ResolveTools,
  updates: Updates | undefined,
): Promise<(LockedListedFile | Unresolved)[]> {
  const known = new Map((former?.listedFiles ?? []).filter((locked) => updates?.hasFile(locked) !== true).map((one) => [one.name, one]));
  const kept = listedFiles.flatMap((request) => {
    const locked = known.get(request.name);
    return locked !== undefined && fitsFile(locked, request) ? [locked] : [];
  });
  const names = new Set(kept.map(({ name }) => name));
  const asked = listedFiles.filter(({ name }) => !names.has(name));
  if (asked.length === 0) return kept;

  const resolved = await asTask({ id: 'resolve-files', title: 'Resolve files' }, asked.length, kept.length, tools, (onResolved) =>
    resolveFiles(asked, { ...tools, onResolved }),
  );
  return [...kept, ...resolved];
}

/** Shows the work on `total` things as a task, and says at its end how many of them failed. */
async function asTask<T extends object>(
  task: { readonly id: string; readonly title: string },
  total: number,
  kept: number,
  { emit, clock }: Pick<ResolveTools, 'emit' | 'clock'>,
  work: (onResolved: (done: number, item: string) => void) => Promise<readonly (T | Unresolved)[]>,
): Promise<readonly (T | Unresolved)[]> {
  const started = clock.monotonic();
  emit({ type: 'task.started', ...task, total, unit: 'items' });
  const resolved = await work((done, item) => emit({ type: 'task.progress', id: task.id, done, total, item }));
  const failed = resolved.filter(isUnresolved).length;
  const summary = `${total - failed} resolved, ${kept} as locked${failed === 0 ? '' : `, ${failed} FAILED`}`;
  emit({ type: 'task.finished', ...task, summary, ms: clock.monotonic() - started });
  return resolved;
}

async function lockPackages(
  inputs: BuildInputs,
  former: BundleLock | undefined,
  tools: ResolveTools,
  updates: Updates | undefined,
): Promise<(LockedOperatingSystem | Unresolved)[]> {
  const known = inputs.packages.map((request) => ({ request, locked: former?.operatingSystems.find((one) => fitsPackages(one, request)) }));
  const moving = (locked: LockedOperatingSystem): readonly string[] => updates?.packagesOf(locked) ?? [];
  const kept = known.flatMap(({ locked }) =>
    locked === undefined || updates?.hasSystem(locked) === true || moving(locked).length > 0 ? [] : [locked],
  );
  const asked = known.flatMap(({ request, locked }) => {
    if (locked === undefined || updates?.hasSystem(locked) === true) return [{ request }];
    const names = moving(locked);
    return names.length === 0 ? [] : [{ request, held: heldVersions(locked, names) }];
  });
  return [...kept, ...(await resolvePackages(asked, tools))];
}
