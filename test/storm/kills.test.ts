import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectKillsHarmless, KILLED_OPERATIONS, writeTwoReleases, type TwoReleases } from '../support/killed-operations.ts';

const HOUR_MS = 3_600_000;

let directory: string;
let releases: TwoReleases;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-kills-'));
  releases = await writeTwoReleases(directory);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each(KILLED_OPERATIONS)('$name', (operation) => {
  it(
    'that is killed at any of its commands ends the same when it is run again',
    async () => {
      const kills = await expectKillsHarmless(operation, releases, directory, Number.MAX_SAFE_INTEGER);
      process.stdout.write(`      ${operation.name}: killed at each of its ${kills} commands\n`);
    },
    HOUR_MS,
  );
});
