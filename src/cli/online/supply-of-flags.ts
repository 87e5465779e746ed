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
}

/**
 * Reads how an install is supplied. Throws USAGE unless it is said once and plainly, INPUT_INVALID for a lock with images
 * of this machine, and the errors of planOfFlags and settingsOfFlags.
 */
export async function supplyOfFlags(flags: SupplyFlags, context: CommandContext): Promise<'offline' | OnlineRequest> {
  const { lock, mirror, ca } = flags;
  if ((flags.offline === true) === (flags.online === true)) {
    throw new CaissonError('USAGE', 'Cannot install without --offline or --online: one of them says where everything comes from', {
      hint: 'Add --offline to use nothing but the bundle, or --online with --lock FILE to let the seed fetch what the lock names',
    });
  }
  const hasUpstream = mirror.length + ca.length > 0;
  if (flags.offline === true) {
    if (lock === undefined && !hasUpstream) return 'offline';
    throw new CaissonError('USAGE', 'Cannot use --lock, --mirror or --ca with --offline: nothing is fetched', {
      hint: 'Leave them out, or write --online',
    });
  }
  if (flags.bundle !== undefined) {
    throw new CaissonError('USAGE', 'Cannot use --bundle with --online: the lock says what the bundle is', {
      hint: 'Write --offline with --bundle, or --online with --lock',
    });
  }
  const text = formatUpstreamSettings(await settingsOfFlags(flags, context));
  if (lock === undefined) return { upstream: { text, replaces: hasUpstream } };
  const { plan, files, lock: content } = await planOfFlags(lock, flags, context);
  const problems = localImages(content).map(({ name, source }) => ({
    path: `images "${name}"`,
    reason: `comes from "${source}", which a depot cannot fetch`,
    remedy: 'push it to a registry and name it there, or carry the bundle',
  }));
  if (problems.length > 0) throw new InvalidInputError(lock, problems);
  return { begin: { plan, files }, upstream: { text, replaces: true } };
}
