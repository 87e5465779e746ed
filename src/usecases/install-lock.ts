import { basename, dirname } from 'node:path';
import { CaissonError } from '../core/index.ts';
import { removeLeftovers, takeMachineLock } from '../io/index.ts';
import type { SeedLayout } from '../site/index.ts';

/**
 * Takes the install lock of this machine. Resolves to the function that releases it. Throws INSTALL_LOCKED when another
 * run holds it.
 */
export async function takeInstallLock(name = 'caisson-install'): Promise<() => Promise<void>> {
  const release = await takeMachineLock(name);
  if (release !== undefined) return release;
  throw new CaissonError('INSTALL_LOCKED', 'Cannot start: another install runs on this machine', {
    hint: 'Wait for it to end, or find it with: pgrep -af "caisson install"',
  });
}

/**
 * Does some work under the install lock of this machine. Before it, removes the temporary files that killed runs left beside the
 * site record. Throws INSTALL_LOCKED before the work when another run holds the lock.
 */
export async function withInstallLock<T>(
  { lock, record, lastBackup, lastRenewal }: Pick<SeedLayout, 'lock' | 'record' | 'lastBackup' | 'lastRenewal'>,
  work: () => Promise<T>,
): Promise<T> {
  const release = await takeInstallLock(lock);
  try {
    for (const path of [record, lastBackup, lastRenewal]) await removeLeftovers(dirname(path), basename(path));
    return await work();
  } finally {
    await release();
  }
}
