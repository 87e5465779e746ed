import { formatUpstreamSettings, localImages } from '../../builder/index.ts';
import { CaissonError, InvalidInputError } from '../../core/index.ts';
import type { OnlineRequest } from '../../usecases/index.ts';
import type { CommandContext } from '../command.ts';
import { planOfFlags, type LockFlags } from './lock-flags.ts';
import { settingsOfFlags, type UpstreamFlags } from './upstream-flags.ts';

export interface SupplyFlags extends LockFlags, UpstreamFlags {
  readonly offline?: boolean;
  readonly online?: boolean;
  readonly bundle?: readonly string[];
  readonly digest?: string;
  readonly unsigned?: true;
}

/**
 * Reads how an install is supplied. Throws USAGE unless it is said once and plainly, INPUT_INVALID for a lock with images
 * of this machine, and the errors of planOfFlags and settingsOfFlags.
 */
export async function supplyOfFlags(flags: SupplyFlags, context: CommandContext): Promise<'offline' | OnlineRequest> {
  if ((flags.offline === true) === (flags.online === true)) {
    throw new CaissonError('USAGE', 'Cannot install without --offline or --online: one of them says where everything comes from', {
      hint: 'Add --offline to use nothing but the bundle, or --online with --lock FILE to let the seed fetch what the lock names',
    });
  }
  if (flags.offline === true) {
    refuseUpstream(flags, 'with --offline: nothing is fetched', 'Leave them out, or write --online');
    return 'offline';
  }
  return onlineOfFlags(flags, context);
}

/**
 * Reads how an upgrade is supplied: from the bundle that is named, or from a lock with --online. Throws USAGE unless one of
 * them is named, and what supplyOfFlags throws.
 */
export async function supplyOfUpgrade(flags: SupplyFlags, context: CommandContext): Promise<'offline' | OnlineRequest> {
  const hint = 'Add --bundle FILE, or --online with --lock FILE; to repair with the one that is installed: caisson install --offline';
  if (flags.online !== true) {
    refuseUpstream(flags, 'without --online', 'Write --online with them, or name a bundle: --bundle FILE');
    if (flags.bundle === undefined) throw new CaissonError('USAGE', 'Cannot upgrade without a bundle', { hint });
    return 'offline';
  }
  const supply = await onlineOfFlags(flags, context);
  if (supply.begin === undefined) throw new CaissonError('USAGE', 'Cannot upgrade without a lock', { hint });
  return supply;
}

/** Reads how a rollback is supplied. Undefined where no flag says it: as the site was before. Throws USAGE. */
export async function supplyOfRollback(
  flags: UpstreamFlags & Pick<SupplyFlags, 'offline' | 'online'>,
  context: CommandContext,
): Promise<'offline' | OnlineRequest | undefined> {
  if (flags.online === true && flags.offline === true) {
    throw new CaissonError('USAGE', 'Cannot use --online with --offline', { hint: 'Leave one of them out' });
  }
  if (flags.online === true) return { upstream: await upstreamOfFlags(flags, context) };
  refuseUpstream(flags, 'without --online', 'Write --online, too');
  return flags.offline === true ? 'offline' : undefined;
}

function refuseUpstream({ lock, mirror, ca }: UpstreamFlags & Pick<SupplyFlags, 'lock'>, where: string, hint: string): void {
  if (lock === undefined && mirror.length + ca.length === 0) return;
  throw new CaissonError('USAGE', `Cannot use --lock, --mirror or --ca ${where}`, { hint });
}

async function upstreamOfFlags(flags: UpstreamFlags, context: CommandContext): Promise<NonNullable<OnlineRequest['upstream']>> {
  const text = formatUpstreamSettings(await settingsOfFlags(flags, context));
  return { text, replaces: flags.mirror.length + flags.ca.length > 0 };
}

async function onlineOfFlags(flags: SupplyFlags, context: CommandContext): Promise<OnlineRequest> {
  const { lock } = flags;
  if (flags.bundle !== undefined) {
    throw new CaissonError('USAGE', 'Cannot use --bundle with --online: the lock says what the bundle is', {
      hint: 'Write --offline with --bundle, or --online with --lock',
    });
  }
  if (flags.digest !== undefined || flags.unsigned === true) {
    throw new CaissonError('USAGE', 'Cannot use --digest or --unsigned with --online: the lock has the digest of everything', {
      hint: 'Leave them out',
    });
  }
  const upstream = await upstreamOfFlags(flags, context);
  if (lock === undefined) return { upstream };
  const { plan, files, lock: content } = await planOfFlags(lock, flags, context);
  const problems = localImages(content).map(({ name, source }) => ({
    path: `images "${name}"`,
    reason: `comes from "${source}", which a depot cannot fetch`,
    remedy: 'push it to a registry and name it there, or carry the bundle',
  }));
  if (problems.length > 0) throw new InvalidInputError(lock, problems);
  return { begin: { plan, files }, upstream: { ...upstream, replaces: true } };
}
