import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openBundle, verifyBundle, VerifyFailedError, type BundleReader } from '../../bundle/index.ts';
import { CaissonError, errnoOf, formatSize, hasCode, type Clock, type Emit } from '../../core/index.ts';
import { syncDirectory } from '../../io/index.ts';
import { PARTIAL, stagedBundleName } from '../bundle-members.ts';
import type { InstallContext } from '../context.ts';
import { copyLargeFile } from '../copy-file.ts';
import type { Step } from '../step.ts';
import { stepsOf } from './make-step.ts';
import { executableEntry, executableStep } from './place-executable.ts';

const step = stepsOf('stage-bundle');

/** Where the depot serves the bundles from: local disk, under names that say which bundle each is. */
export function stagedBundlePaths(context: InstallContext): readonly string[] {
  return context.bundles.map((bundle) => stagedPath(context, bundle));
}

function stagedPath({ seedLayout }: InstallContext, bundle: BundleReader): string {
  return join(seedLayout.bundles, stagedBundleName(bundle));
}

/**
 * Copies the bundles to the seed's disk and verifies every byte of a copy before it gets its name, so that the disk it
 * came on can leave. Everything that later steps use comes out of a bundle with the same identity.
 */
export function stageBundle(context: InstallContext): readonly Step[] {
  const copies = context.bundles.map((bundle, index) => copyStep(context, bundle, index === 0 ? 'bundle' : `bundle-${index + 1}`));
  const entry = executableEntry(context, context.architectures.get(context.seed.name) ?? 'amd64');
  return [...copies, executableStep(context, step, context.seed, { entry, needs: copies.map(({ id }) => id) })];
}

function copyStep(context: InstallContext, bundle: BundleReader, name: string): Step {
  const target = stagedPath(context, bundle);
  const { bundles } = context.seedLayout;
  return step(context.seed.name, name, {
    summary: `copy and verify ${basename(bundle.path)} (${formatSize(bundle.size)})`,
    isDone: () => isStaged(bundle, target),
    apply: async ({ signal, emit }) => {
      await mkdir(bundles, { recursive: true, mode: 0o755 });
      const work = { bundle, partial: `${target}${PARTIAL}`, clock: context.clock, signal, emit };
      await copyToDisk(work);
      await verifyCopy(work);
      await rename(work.partial, target);
      await syncDirectory(bundles);
    },
  });
}

/** The name is given only after a full verification, so name, size and metadata tell whether this bundle is in place. */
async function isStaged(bundle: BundleReader, target: string): Promise<boolean> {
  try {
    const staged = await openBundle(target);
    await staged.close();
    return staged.bundleDigest === bundle.bundleDigest;
  } catch (error) {
    if (hasCode(error, 'INPUT_UNREADABLE') || hasCode(error, 'BUNDLE_DAMAGED')) return false;
    throw error;
  }
}

interface CopyWork {
  readonly bundle: BundleReader;
  /** Path of the copy until it is complete and verified. */
  readonly partial: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

async function copyToDisk({ bundle, partial, ...options }: CopyWork): Promise<void> {
  await rm(partial, { force: true });
  try {
    await copyLargeFile(bundle.path, partial, { size: bundle.size, ...options });
  } catch (cause) {
    await rm(partial, { force: true });
    if (errnoOf(cause) !== 'ENOSPC') throw cause;
    throw new CaissonError('HOSTS_UNFIT', `Cannot copy the bundle to "${dirname(partial)}": the disk is full`, {
      cause,
      hint: `Free ${formatSize(bundle.size)} under ${dirname(partial)} and run the same command again`,
    });
  }
}

async function verifyCopy({ bundle, partial, ...options }: CopyWork): Promise<void> {
  const report = await verifyBundle(partial, options);
  if (report.findings.length > 0) {
    await rm(partial, { force: true });
    throw new VerifyFailedError(report);
  }
  if (report.bundleDigest !== bundle.bundleDigest) {
    await rm(partial, { force: true });
    throw new CaissonError('BUNDLE_DAMAGED', `Cannot use "${bundle.path}": it changed while it was being read`, {
      hint: 'Run the same command again once nothing writes to the file',
    });
  }
}
