import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { verifyBundle, VerifyFailedError, type BundleReader } from '../bundle/index.ts';
import { CaissonError, errnoOf, formatSize, hasCode, messageOf, type Clock, type Emit } from '../core/index.ts';
import { syncDirectory } from '../io/index.ts';
import { UNVERIFIED_COPY } from '../site/index.ts';
import { copyLargeFile } from './copy-file.ts';

export interface BundleCopyOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

type Copied = Pick<BundleReader, 'path' | 'paths' | 'size' | 'bundleDigest'>;

/**
 * Copies a bundle to `target`. The copy gets that name only after all its bytes were verified. A copy that an earlier
 * run began is continued; when the result is damaged, such as after a power cut, it is copied again from the start.
 * Throws HOSTS_UNFIT for a full disk, VerifyFailedError and BUNDLE_DAMAGED; `target` is not changed then.
 */
export async function placeBundleCopy(bundle: Copied, target: string, options: BundleCopyOptions): Promise<void> {
  const partial = `${target}${UNVERIFIED_COPY}`;
  const isContinued = await copyToDisk(bundle, partial, options);
  try {
    await verifyCopy(bundle, partial, options);
  } catch (error) {
    if (!isContinued || !(hasCode(error, 'BUNDLE_DAMAGED') || hasCode(error, 'BUNDLE_INCOMPLETE'))) throw error;
    const message = `What an earlier run left of "${target}" is damaged, so it is copied again: ${messageOf(error)}`;
    options.emit({ type: 'warning', message });
    await copyToDisk(bundle, partial, options);
    await verifyCopy(bundle, partial, options);
  }
  await rename(partial, target);
  await syncDirectory(dirname(target));
}

/** Returns true when it continued the copy of an earlier run. An interrupted copy stays, for the next run. */
async function copyToDisk(bundle: Copied, partial: string, options: BundleCopyOptions): Promise<boolean> {
  try {
    return (await copyLargeFile(bundle.paths, partial, { size: bundle.size, ...options })) > 0;
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOSPC') throw cause;
    await rm(partial, { force: true });
    throw new CaissonError('HOSTS_UNFIT', `Cannot copy the bundle to "${dirname(partial)}": the disk is full`, {
      cause,
      hint: `Free ${formatSize(bundle.size)} under ${dirname(partial)} and run the same command again`,
    });
  }
}

/** Verifies a copy and removes it when it is damaged. */
async function verifyCopy(bundle: Copied, partial: string, options: BundleCopyOptions): Promise<void> {
  try {
    const report = await verifyBundle(partial, options);
    if (report.findings.length > 0) throw new VerifyFailedError(report);
    if (report.bundleDigest === bundle.bundleDigest) return;
    throw new CaissonError('BUNDLE_DAMAGED', `Cannot use "${bundle.path}": it changed while it was being read`, {
      hint: 'Run the same command again once nothing writes to the file',
    });
  } catch (error) {
    if (error instanceof CaissonError && !hasCode(error, 'INTERRUPTED')) await rm(partial, { force: true });
    throw error;
  }
}
