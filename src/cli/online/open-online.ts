import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openOnlineBundle, type OnlineBundle } from '../../builder/index.ts';
import { beginBundle } from '../../bundle/index.ts';
import { CaissonError, silent } from '../../core/index.ts';
import { isThere } from '../../io/index.ts';
import type { CommandContext } from '../command.ts';
import { imageListsOf } from '../image-lists.ts';
import { planOfFlags, type LockFlags } from './lock-flags.ts';
import { connectWith, readUpstreamSettings, settingsOfFlags, type UpstreamFlags } from './upstream-flags.ts';

export interface OnlineFlags extends LockFlags, UpstreamFlags {
  readonly online?: true;
  /** File of an install, instead of --mirror and --ca. */
  readonly upstream?: string;
  readonly jobs: number;
}

/**
 * Opens the bundle that a depot serves online, after beginning it when a lock is named. Undefined when the bundle is
 * complete: nothing is fetched then. Throws USAGE, and what planOfFlags and openOnlineBundle throw.
 */
export async function openOnline(
  bundles: readonly string[],
  flags: OnlineFlags,
  context: CommandContext,
): Promise<OnlineBundle | undefined> {
  const [output, ...more] = bundles;
  if (output === undefined || more.length > 0) {
    throw new CaissonError('USAGE', 'Cannot serve several bundles with --online', { hint: 'Name the one file that is filled' });
  }
  if (await isThere(output)) return undefined;
  const settings = await (flags.upstream === undefined ? settingsOfFlags(flags, context) : readUpstreamSettings(flags.upstream));
  if (flags.lock !== undefined) await begin(output, flags.lock, flags, context);
  const upstream = await connectWith(settings, imageListsOf(flags), context);
  try {
    const online = await openOnlineBundle(output, upstream, { jobs: flags.jobs });
    return {
      ...online,
      close: async () => {
        await online.close();
        await upstream.close();
      },
    };
  } catch (error) {
    await upstream.close();
    throw error;
  }
}

async function begin(output: string, lock: string, flags: LockFlags, context: CommandContext): Promise<void> {
  const { plan, files } = await planOfFlags(lock, flags, context);
  await mkdir(dirname(output), { recursive: true });
  await beginBundle(plan, output, files, { emit: silent, clock: context.clock });
}
