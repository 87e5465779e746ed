import { describe, it } from 'vitest';
import {
  expectSecretKillsHarmless,
  expectSecretUndoHarmless,
  passwordSite,
  writePasswordBundle,
  type PasswordSite,
} from '../support/changing-secret.ts';
import { expectKillsHarmless, KILLED_OPERATIONS, useKilledBundles } from '../support/killed/index.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const HOUR_MS = 3_600_000;

const directory = useTempDir();
const bundles = useKilledBundles();

/** Says how much was done, and in which time. */
function report(what: string, started: number): void {
  process.stdout.write(`      ${what}, ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
}

describe.each(KILLED_OPERATIONS)('$name', (operation) => {
  it(
    'that is killed at any of its commands ends the same when it is run again',
    async () => {
      const started = performance.now();
      const { kills, commands } = await expectKillsHarmless(operation, bundles, directory(), Number.MAX_SAFE_INTEGER);
      report(`${operation.name}: ${kills} kills at its ${commands} commands`, started);
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
      const started = performance.now();
      const begun = await expectHarmless(site, Number.MAX_SAFE_INTEGER);
      report(`change of a secret that ${what}: killed at each command, ${begun} times after it had begun`, started);
    },
    HOUR_MS,
  );
});
