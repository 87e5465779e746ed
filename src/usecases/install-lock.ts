import { CaissonError } from '../core/index.ts';
import { takeMachineLock } from '../io/index.ts';

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

/** Does some work under the install lock of this machine. Throws INSTALL_LOCKED before it when another run holds the lock. */
export async function withInstallLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const release = await takeInstallLock(name);
  try {
    return await work();
  } finally {
    await release();
  }
}
