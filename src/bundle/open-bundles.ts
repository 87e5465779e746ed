import { openBundle, type BundleReader } from './reader.ts';

/**
 * Opens all the bundles or none, in the order of their paths; close them with closeBundles. Throws what openBundle
 * throws.
 */
export async function openBundles(paths: readonly string[]): Promise<readonly BundleReader[]> {
  const readers: BundleReader[] = [];
  try {
    for (const path of paths) readers.push(await openBundle(path));
    return readers;
  } catch (error) {
    await closeBundles(readers);
    throw error;
  }
}

/** Closes the files; streams that still run end with an error. */
export async function closeBundles(readers: readonly BundleReader[]): Promise<void> {
  await Promise.all(readers.map((reader) => reader.close()));
}
