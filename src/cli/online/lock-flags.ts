import type { Command } from 'commander';
import { planLocked, sourceDate, type LocalLockedPlan } from '../../builder/index.ts';
import { parsePlatform } from '../../core/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext } from '../command.ts';
import { DEFAULT_FILES, imageListsOf } from '../image-lists.ts';

/** Flags that name a lock and what it was made from, as build-bundle takes them. */
export interface LockFlags {
  readonly lock?: string;
  readonly manifests: string;
  readonly images?: readonly string[];
  readonly files?: readonly string[];
  readonly name?: string;
  readonly version?: string;
  readonly platform?: readonly string[];
  readonly executable: readonly string[];
  readonly withReferrers?: true;
}

export function addLockFlags(command: Command): Command {
  return command
    .option('--lock <file>', 'online: the lock that build-bundle wrote; the flags below are those that it was made with')
    .option('--manifests <directory>', 'with --lock: what the cluster is made of', 'manifests')
    .option('--images <file>', 'with --lock: a list of images, - for the standard input; may be repeated (default: images.txt)', collect)
    .option(
      '--files <file>',
      `with --lock: a list of files, - for the standard input; may be repeated (default: ${DEFAULT_FILES})`,
      collect,
    )
    .option('--name <name>', 'with --lock: name of the bundle (default: the name of the platform)')
    .option('--version <version>', 'with --lock: version of the bundle (default: the version of the platform)')
    .option('--platform <os/architecture>', 'with --lock: platform of the hosts; may be repeated (default: linux/amd64)', collect)
    .option('--executable <file>', 'with --lock: caisson for the hosts: FILE, or PLATFORM=FILE; may be repeated', collect, [])
    .option('--with-referrers', 'with --lock: it has signatures, SBOMs and attestations of the images, too');
}

/** Plans the bundle of the lock; sends no request. Throws what planLocked throws. */
export async function planOfFlags(
  lock: string,
  flags: LockFlags,
  { self, env, signal, readStdin }: CommandContext,
): Promise<LocalLockedPlan> {
  return planLocked({
    lock,
    manifests: flags.manifests,
    images: imageListsOf(flags),
    listsOfFiles: flags.files,
    readStdin,
    name: flags.name,
    version: flags.version,
    platforms: (flags.platform ?? ['linux/amd64']).map(parsePlatform),
    executables: flags.executable,
    withReferrers: flags.withReferrers === true,
    sourceDate: sourceDate(env['SOURCE_DATE_EPOCH']),
    self,
    signal,
  });
}
