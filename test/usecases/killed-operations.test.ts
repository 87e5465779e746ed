import { describe, expect, it } from 'vitest';
import { useTwoReleases } from '../support/database-sites.ts';
import { expectKillsHarmless, KILLED_OPERATIONS } from '../support/killed-operations.ts';
import { useTempDir } from '../support/temp-dir.ts';

/** Every command is killed in the storm: npm run test:storm. */
const POINTS = 6;

const directory = useTempDir();
const releases = useTwoReleases();

describe.each(KILLED_OPERATIONS)('$name', (operation) => {
  it('that is killed ends the same when it is run again', async () => {
    expect(await expectKillsHarmless(operation, releases(), directory(), POINTS)).toBeGreaterThanOrEqual(POINTS);
  }, 120_000);
});
