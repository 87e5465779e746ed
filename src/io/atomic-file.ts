import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface WriteFileAtomicOptions {
  /** Exact permissions whatever the umask is; 0644 by default. */
  readonly mode?: number;
}

/**
 * Replaces a file at once: readers see the old bytes or the new ones, also after a crash. The temporary file lies beside
 * the target (same file system) and is removed when anything fails.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, options: WriteFileAtomicOptions = {}): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    // Created closed to others, so that a secret is never readable for a moment.
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(data);
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

/** Makes names created, renamed or removed in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
