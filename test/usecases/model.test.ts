import { describe, it } from 'vitest';
import { liveMany } from '../support/model/live.ts';

/** Always the same lives; `npm run test:storm` has many more. */
const RUNS = 12;
const SEED = 7;

describe('a cluster over the years', () => {
  it(
    'does what its plans say, moves no data, restarts nothing unsaid, and leaves nothing behind',
    () => liveMany({ runs: RUNS, seed: SEED }),
    RUNS * 15_000,
  );
});
