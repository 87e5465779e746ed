import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CaissonError, messageOf } from '../core/index.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { readSecretFile } from './secret-file.ts';
import { ifPresent, readTextFile } from './text-file.ts';

/** Where a private key and its public counterpart (a certificate, a public key) are kept. */
export interface PairPaths {
  readonly secret: string;
  readonly open: string;
}

export interface PairModes {
  /** Of the open half; 0644 by default. The secret half has 0600. */
  readonly open?: number;
  /** Of the directories that are made; 0755 by default. */
  readonly directory?: number;
}

/** Both halves as far as they are there. Throws INPUT_UNREADABLE, and SECRET_EXPOSED for a secret half open to others. */
export async function readKeptPair(paths: PairPaths): Promise<{ readonly secret?: string; readonly open?: string }> {
  const secret = await ifPresent(() => readSecretFile(paths.secret));
  const open = await ifPresent(() => readTextFile(paths.open));
  return { ...(secret === undefined ? {} : { secret }), ...(open === undefined ? {} : { open }) };
}

/** Writes the secret half first: a pair that a crash cut in half has no open half. Throws INPUT_UNREADABLE. */
export async function writeKeptPair(
  paths: PairPaths,
  pair: { readonly secret: string; readonly open: string },
  modes: PairModes = {},
): Promise<void> {
  try {
    for (const path of [paths.secret, paths.open]) await mkdir(dirname(path), { recursive: true, mode: modes.directory ?? 0o755 });
    await writeFileAtomic(paths.secret, pair.secret, { mode: 0o600 });
    await writeFileAtomic(paths.open, pair.open, { mode: modes.open ?? 0o644 });
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot keep "${paths.secret}": ${messageOf(cause)}`, { cause });
  }
}
