import { describe, it } from 'vitest';
import { useTwoReleases } from '../support/database-sites.ts';
import { expectKillsHarmless, KILLED_OPERATIONS } from '../support/killed-operations.ts';
import { useTempDir } from '../support/temp-dir.ts';

const HOUR_MS = 3_600_000;

const directory = useTempDir();
const releases = useTwoReleases();

describe.each(KILLED_OPERATIONS)('$name', (operation) => {
  it(
    'that is killed at any of its commands ends the same when it is run again',
    async () => {
      const kills = await expectKillsHarmless(operation, releases(), directory(), Number.MAX_SAFE_INTEGER);
      process.stdout.write(`      ${operation.name}: killed at each of its ${kills} commands\n`);
    },
    HOUR_MS,
  );
});
