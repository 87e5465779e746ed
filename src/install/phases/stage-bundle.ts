import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openBundle, type BundleReader } from '../../bundle/index.ts';
import { CaissonError, formatSize, type ErrorCode } from '../../core/index.ts';
import { stagedBundleName } from '../../site/index.ts';
import { placeBundleCopy } from '../bundle-copy.ts';
import type { InstallContext } from '../context.ts';
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
    summary: `copy and verify ${nameOf(bundle)} (${formatSize(bundle.size)})`,
    isDone: () => isStaged(bundle, target),
    apply: async ({ signal, emit }) => {
      await mkdir(bundles, { recursive: true, mode: 0o755 });
      await placeBundleCopy(bundle, target, { clock: context.clock, signal, emit });
    },
  });
}

const NOT_STAGED: ReadonlySet<ErrorCode> = new Set(['INPUT_UNREADABLE', 'BUNDLE_INCOMPLETE', 'BUNDLE_DAMAGED']);

function nameOf({ path, paths }: BundleReader): string {
  return paths.length === 1 ? basename(path) : `${basename(path)} and ${paths.length - 1} more volumes into one file`;
}

/** The name is given only after a full verification, so name, size and metadata tell whether this bundle is in place. */
async function isStaged(bundle: BundleReader, target: string): Promise<boolean> {
  try {
    const staged = await openBundle(target);
    await staged.close();
    return staged.bundleDigest === bundle.bundleDigest;
  } catch (error) {
    if (error instanceof CaissonError && NOT_STAGED.has(error.code)) return false;
    throw error;
  }
}
