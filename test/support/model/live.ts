import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { life } from './edits.ts';
import { ClusterLife } from './life.ts';
import { ReleaseBundles } from './site.ts';
import fc from '../fast-check.ts';

/**
 * Runs `runs` lives of clusters, the same ones for the same seed. Throws when an invariant is broken, with the turns
 * that led to it. `path` is the number of the one life to begin with, as the report of a failure has it.
 */
export async function liveMany({
  runs,
  seed,
  path,
}: {
  readonly runs: number;
  readonly seed: number;
  readonly path?: string;
}): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-releases-'));
  const bundles = new ReleaseBundles(directory);
  try {
    // Shrinking would run hundreds of further lives, and the failing turns are short enough without it.
    await fc.assert(
      fc.asyncProperty(life, ({ begin, turns }) => ClusterLife.live(bundles, begin, turns)),
      { numRuns: runs, seed, endOnFailure: true, ...(path === undefined ? {} : { path }) },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
