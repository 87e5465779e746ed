import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openBundle, verifyBundle, VerifyFailedError } from '../../bundle/index.ts';
import { CaissonError, errnoOf, formatSize, hasCode, type Emit } from '../../core/index.ts';
import { syncDirectory } from '../../io/index.ts';
import { PARTIAL, stagedBundleName } from '../bundle-members.ts';
import type { InstallContext } from '../context.ts';
import { copyLargeFile } from '../copy-file.ts';
import type { Step } from '../step.ts';
import { stepsOf } from './make-step.ts';
import { executableEntry, executableStep } from './place-executable.ts';

const step = stepsOf('stage-bundle');

/** Where the depot serves the bundle from: local disk, under a name that says which bundle it is. */
export function stagedBundlePath(context: InstallContext): string {
  return join(context.seedLayout.bundles, stagedBundleName(context.bundle));
}

/**
 * Copies the bundle to the seed's disk and verifies every byte of the copy before it gets its name, so that the disk it
 * came on can leave. Everything that later steps use comes out of a bundle with the same identity.
 */
export function stageBundle(context: InstallContext): readonly Step[] {
  const target = stagedBundlePath(context);
  const { bundles } = context.seedLayout;
  const copy = step(context.seed.name, 'bundle', {
    summary: `copy and verify ${basename(context.bundle.path)} (${formatSize(context.bundle.size)})`,
    isDone: () => isStaged(context, target),
    apply: async ({ signal, emit }) => {
      await mkdir(bundles, { recursive: true, mode: 0o755 });
      const partial = `${target}${PARTIAL}`;
      await copyToDisk(context, partial, { signal, emit });
      await verifyCopy(context, partial, { signal, emit });
      await rename(partial, target);
      await syncDirectory(bundles);
    },
  });
  const entry = executableEntry(context, context.architectures.get(context.seed.name) ?? 'amd64');
  return [copy, executableStep(context, step, context.seed, { entry, needs: [copy.id] })];
}

/** The name is given only after a full verification, so name, size and metadata tell whether this bundle is in place. */
async function isStaged(context: InstallContext, target: string): Promise<boolean> {
  try {
    const staged = await openBundle(target);
    await staged.close();
    return staged.bundleDigest === context.bundle.bundleDigest;
  } catch (error) {
    if (hasCode(error, 'INPUT_UNREADABLE') || hasCode(error, 'BUNDLE_DAMAGED')) return false;
    throw error;
  }
}

type LongWork = { readonly signal: AbortSignal; readonly emit: Emit };

async function copyToDisk({ bundle, clock, seedLayout }: InstallContext, partial: string, options: LongWork): Promise<void> {
  await rm(partial, { force: true });
  try {
    await copyLargeFile(bundle.path, partial, { size: bundle.size, clock, ...options });
  } catch (cause) {
    await rm(partial, { force: true });
    if (errnoOf(cause) !== 'ENOSPC') throw cause;
    throw new CaissonError('HOSTS_UNFIT', `Cannot copy the bundle to "${seedLayout.bundles}": the disk is full`, {
      cause,
      hint: `Free ${formatSize(bundle.size)} under ${seedLayout.bundles} and run the same command again`,
    });
  }
}

async function verifyCopy(context: InstallContext, partial: string, options: LongWork): Promise<void> {
  const report = await verifyBundle(partial, { ...options, clock: context.clock });
  if (report.findings.length > 0) {
    await rm(partial, { force: true });
    throw new VerifyFailedError(report);
  }
  if (report.bundleDigest !== context.bundle.bundleDigest) {
    await rm(partial, { force: true });
    throw new CaissonError('BUNDLE_DAMAGED', `Cannot use "${context.bundle.path}": it changed while it was being read`, {
      hint: 'Run the same command again once nothing writes to the file',
    });
  }
}
