import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { turns } from '../support/model/edits.ts';
import { ClusterLife } from '../support/model/life.ts';
import { ReleaseBundles } from '../support/model/site.ts';

/** A few lives of clusters, always the same; `npm run test:storm` has many more. */
const RUNS = Number(process.env['CAISSON_STORM_RUNS'] ?? 40);
const SEED = Number(process.env['CAISSON_STORM_SEED'] ?? 7);

describe('a cluster over the years', () => {
  let directory: string;
  let bundles: ReleaseBundles;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-releases-'));
    bundles = new ReleaseBundles(directory);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it(
    `does what its plans say through ${RUNS} sequences of edits, kills, losses and changes by hand, and leaves nothing behind`,
    async () => {
      await fc.assert(
        fc.asyncProperty(turns, (sequence) => ClusterLife.live(bundles, sequence)),
        {
          numRuns: RUNS,
          seed: SEED,
          endOnFailure: process.env['CAISSON_STORM_SHRINK'] === undefined,
        },
      );
    },
    RUNS * 10_000,
  );
});
