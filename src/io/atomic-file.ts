import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface WriteFileAtomicOptions {
  /** Exact permissions whatever the umask is; 0644 by default. */
  readonly mode?: number;
  /** Numbers of the user and the group; those of this process by default. */
  readonly owner?: { readonly user: number; readonly group: number };
}

/**
 * Replaces a file at once: readers see the old bytes or the new ones, also after a crash. The temporary file lies beside
 * the target (same file system) and is removed when anything fails.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
  options: WriteFileAtomicOptions = {},
): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    // Created closed to others, so that a secret is never readable for a moment.
    const file = await open(temporary, 'wx', 0o600);
    try {
      await writeAll(file, data);
      if (options.owner !== undefined) await changeOwner(file, options.owner);
      await file.chmod(options.mode ?? 0o644);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(directory);
}

async function writeAll(file: FileHandle, data: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  if (typeof data === 'string' || data instanceof Uint8Array) return file.writeFile(data);
  // Each call goes on where the one before ended.
  for await (const chunk of data) await file.writeFile(chunk);
}

/** Only root may give a file away; a file that has the right owner is left alone, so that others can write their own. */
async function changeOwner(file: FileHandle, { user, group }: NonNullable<WriteFileAtomicOptions['owner']>): Promise<void> {
  const { uid, gid } = await file.stat();
  if (uid !== user || gid !== group) await file.chown(user, group);
}

/** Makes names created, renamed or removed in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
