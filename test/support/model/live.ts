import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { turns } from './edits.ts';
import { ClusterLife } from './life.ts';
import { ReleaseBundles } from './site.ts';

/** Lets as many clusters live, the same for each seed. Throws at the first thing that must not be, with the turns that led there. */
export async function liveMany({ runs, seed }: { readonly runs: number; readonly seed: number }): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-releases-'));
  const bundles = new ReleaseBundles(directory);
  try {
    // Shrinking would live through hundreds of lives more; the turns that failed are short enough.
    await fc.assert(
      fc.asyncProperty(turns, (sequence) => ClusterLife.live(bundles, sequence)),
      { numRuns: runs, seed, endOnFailure: true },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
