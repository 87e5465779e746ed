import { formatPlatform } from '../core/index.ts';
import type { ImageSource } from '../oci/index.ts';
import { formatDate, newestRelease } from './content-date.ts';
import { fitsImage, fitsPackages } from './fit.ts';
import { lockedExecutable, lockedFile } from './input-files.ts';
import type { BuildInputs } from './inputs.ts';
import { LOCK_API_VERSION } from './lock-schema.ts';
import { orderLock, type BundleLock, type LockedImage, type LockedOperatingSystem } from './lock.ts';
import { resolveImages } from './resolve-images.ts';
import { resolvePackages, type PackageTools } from './resolve-packages.ts';
import { allResolved, isUnresolved, type Unresolved } from './unresolved.ts';

export interface ResolveTools extends PackageTools {
  readonly images: ImageSource;
  /** Most images that are resolved at the same time. */
  readonly jobs: number;
}

/**
 * Makes the lock that fits the inputs. Entries of a former lock for unchanged inputs are kept without a request; without
 * a former lock every input is resolved. Throws BUILD_UNRESOLVED naming everything that failed, of images and packages
 * alike.
 */
export async function resolveLock(inputs: BuildInputs, former: BundleLock | undefined, tools: ResolveTools): Promise<BundleLock> {
  const images = await lockImages(inputs, former, tools);
  const packages = await lockPackages(inputs, former, tools);
  tools.signal?.throwIfAborted();
  allResolved<LockedImage | LockedOperatingSystem>([...images, ...packages]);
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
  });
}

async function lockImages(inputs: BuildInputs, former: BundleLock | undefined, tools: ResolveTools): Promise<(LockedImage | Unresolved)[]> {
  const platforms = inputs.platforms.map(formatPlatform);
  const kept = inputs.images.flatMap((request) => former?.images.find((locked) => fitsImage(locked, request, platforms)) ?? []);
  const names = new Set(kept.map(({ name }) => name));
  const asked = inputs.images.filter(({ name }) => !names.has(name));
  if (asked.length === 0) return kept;

  const task = { id: 'resolve-images', title: 'Resolve images' };
  const started = tools.clock.monotonic();
  tools.emit({ type: 'task.started', ...task, total: asked.length, unit: 'items' });
  const resolved = await resolveImages(asked, inputs.platforms, {
    ...tools,
    onResolved: (done, item) => tools.emit({ type: 'task.progress', id: task.id, done, total: asked.length, item }),
  });
  const failed = resolved.filter(isUnresolved).length;
  const summary = `${asked.length - failed} resolved, ${kept.length} as locked${failed === 0 ? '' : `, ${failed} FAILED`}`;
  tools.emit({ type: 'task.finished', ...task, summary, ms: tools.clock.monotonic() - started });
  return [...kept, ...resolved];
}

async function lockPackages(
  inputs: BuildInputs,
  former: BundleLock | undefined,
  tools: ResolveTools,
): Promise<(LockedOperatingSystem | Unresolved)[]> {
  const kept = inputs.packages.flatMap((request) => former?.operatingSystems.find((locked) => fitsPackages(locked, request)) ?? []);
  const asked = inputs.packages.filter((request) => !kept.some((locked) => fitsPackages(locked, request)));
  return [...kept, ...(await resolvePackages(asked, tools))];
}
