import { describe, it } from 'vitest';
import {
  expectSecretKillsHarmless,
  expectSecretUndoHarmless,
  passwordSite,
  writePasswordBundle,
  type PasswordSite,
} from '../support/changing-secret.ts';
import { useTwoReleases } from '../support/database-sites.ts';
import { expectKillsHarmless, KILLED_OPERATIONS } from '../support/killed-operations.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

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

describe('change of a secret', () => {
  const ending = useEnding<PasswordSite>();
  it.each([
    ['is gone on with', expectSecretKillsHarmless],
    ['can be taken back', expectSecretUndoHarmless],
  ])(
    'that is killed at any of its commands %s',
    async (what, expectHarmless) => {
      const site = ending(await passwordSite(directory(), await writePasswordBundle(directory())));
      const begun = await expectHarmless(site, Number.MAX_SAFE_INTEGER);
      process.stdout.write(`      change of a secret that ${what}: killed at each command, ${begun} times after it had begun\n`);
    },
    HOUR_MS,
  );
});
