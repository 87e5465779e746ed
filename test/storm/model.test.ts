import { describe, it } from 'vitest';
import { liveMany } from '../support/model/live.ts';

/** Number of clusters, and the seed of their random edits. A failed run is repeated by setting its seed, and its path to begin there. */
const RUNS = Number(process.env['CAISSON_STORM_RUNS'] ?? 500);
const SEED = Number(process.env['CAISSON_STORM_SEED'] ?? Date.now() % 1_000_000);
const PATH = process.env['CAISSON_STORM_PATH'];

describe('a storm of changes, kills, losses and changes by hand', () => {
  it(
    `leaves every one of ${RUNS} clusters as its plans said (CAISSON_STORM_SEED=${SEED})`,
    () => liveMany({ runs: RUNS, seed: SEED, ...(PATH === undefined ? {} : { path: PATH }) }),
    RUNS * 30_000,
  );
});
