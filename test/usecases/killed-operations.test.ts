import { describe, expect, it } from 'vitest';
import { expectKillsHarmless, KILLED_OPERATIONS, useKilledBundles } from '../support/killed/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

/** Every command is killed in the storm: npm run test:storm. */
const POINTS = 3;

const directory = useTempDir();
const bundles = useKilledBundles();

describe.each(KILLED_OPERATIONS)('$name', (operation) => {
  it('that is killed ends the same when it is run again', async () => {
    const { commands, kills } = await expectKillsHarmless(operation, bundles, directory(), POINTS);
    expect(kills).toBeGreaterThanOrEqual(Math.min(POINTS, commands));
  }, 120_000);
});
