import { LOCK_MEMBER, openBundle, type BundleReader } from '../bundle/index.ts';
import { CaissonError } from '../core/index.ts';
import { LOCK_LIMIT, parseLock, readLock, type BundleLock } from './lock.ts';

/**
 * Returns the lock of a file: a lock, whose name ends in .json, or a bundle, which has its lock in it. Throws INPUT_UNREADABLE where there
 * is no such file, and the errors of readLock and openBundle.
 */
export async function lockOf(path: string): Promise<BundleLock> {
  if (path.endsWith('.json')) {
    const lock = await readLock(path);
    if (lock !== undefined) return lock;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot compare with "${path}": there is no such file`);
  }
  const bundle = await openBundle(path);
  try {
    return await lockIn(bundle);
  } finally {
    await bundle.close();
  }
}

/** Returns the lock that a bundle has in it. Throws INPUT_INVALID for one that is no lock. */
export async function lockIn(bundle: BundleReader): Promise<BundleLock> {
  return parseLock((await bundle.read(LOCK_MEMBER, { limit: LOCK_LIMIT })).toString('utf8'), `${bundle.path}: ${LOCK_MEMBER}`);
}
