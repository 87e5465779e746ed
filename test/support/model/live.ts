import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { turns } from './edits.ts';
import { ClusterLife } from './life.ts';
import { ReleaseBundles } from './site.ts';

/**
 * Runs `runs` lives of clusters, the same ones for the same seed. `CAISSON_STORM_PATH` (the path that a failure names) is
 * the number of the first one, counted from 0. Throws when an invariant is broken, with the turns that led to it.
 */
export async function liveMany({ runs, seed }: { readonly runs: number; readonly seed: number }): Promise<void> {
  const path = process.env['CAISSON_STORM_PATH'];
  const directory = await mkdtemp(join(tmpdir(), 'caisson-releases-'));
  const bundles = new ReleaseBundles(directory);
  try {
    // Shrinking would run hundreds of further lives, and the failing turns are short enough without it.
    await fc.assert(
      fc.asyncProperty(turns, (sequence) => ClusterLife.live(bundles, sequence)),
      { numRuns: runs, seed, endOnFailure: true, ...(path === undefined ? {} : { path }) },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
