import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectKillsHarmless, KILLED_OPERATIONS, writeTwoReleases, type TwoReleases } from '../support/killed-operations.ts';
import { useTempDir } from '../support/temp-dir.ts';

/** Every command is killed in the storm: npm run test:storm. */
const POINTS = 6;

const directory = useTempDir();
let bundles: string;
let releases: TwoReleases;

beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'caisson-kills-'));
  releases = await writeTwoReleases(bundles);
});
afterAll(() => rm(bundles, { recursive: true, force: true }));

describe.each(KILLED_OPERATIONS)('$name', (operation) => {
  it('that is killed ends the same when it is run again', async () => {
    expect(await expectKillsHarmless(operation, releases, directory(), POINTS)).toBeGreaterThanOrEqual(POINTS);
  }, 120_000);
});
