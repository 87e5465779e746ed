import type { Command } from 'commander';
import { readTrust, type Trust, type TrustFiles } from '../../bundle/index.ts';
import { CaissonError, type Clock } from '../../core/index.ts';

export interface TrustFlags {
  readonly allowedSigners?: string;
  readonly revoked?: string;
}

/** Adds the flags that name the allowed signers and the revoked keys. */
export function addTrustFlags(command: Command, who = 'whose signatures count (ssh-keygen, ALLOWED SIGNERS)'): Command {
  return command
    .option('--allowed-signers <file>', who)
    .option('--revoked <file>', 'keys that do not count any more: a list, or a KRL of ssh-keygen');
}

/** Returns the files that the flags name; undefined without these flags. Throws USAGE for --revoked alone. */
export function trustFilesOf({ allowedSigners, revoked }: TrustFlags): TrustFiles | undefined {
  if (allowedSigners !== undefined) return { allowedSigners, revokedKeys: revoked };
  if (revoked === undefined) return undefined;
  throw new CaissonError('USAGE', 'Cannot use --revoked without --allowed-signers', { hint: 'Name the allowed signers, too' });
}

/**
 * Reads the files that the flags name; undefined without these flags. Throws USAGE, INPUT_UNREADABLE, INPUT_INVALID.
 */
export async function trustOf(flags: TrustFlags, clock: Clock): Promise<Trust | undefined> {
  const files = trustFilesOf(flags);
  return files === undefined ? undefined : readTrust(files, clock.now());
}
