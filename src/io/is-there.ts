import { stat } from 'node:fs/promises';

/** True when something is at a path; false also when the path cannot be looked at. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
