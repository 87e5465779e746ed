import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/index.ts';
import { loadRpmRepositories, type RpmIndex } from '../../../src/ospkg/rpm/load-repositories.ts';
import { solveRpmSet } from '../../../src/ospkg/rpm/solve.ts';
import { RpmUniverse } from '../../../src/ospkg/rpm/universe.ts';

/** Metadata of public distributions lies beside the clone where it was fetched: CAISSON_RPM_DATA, else ../shared/data/rpm. */
const ROOT = join(import.meta.dirname, '../../..');
const PLACES = [process.env['CAISSON_RPM_DATA'] ?? '', join(ROOT, '../shared/data/rpm'), join(ROOT, '../../shared/data/rpm')];
const DATA = PLACES.find((place) => place !== '' && existsSync(place));

async function load(name: string): Promise<RpmIndex> {
  const url = 'http://mirror.example';
  const fetch = async (address: string): Promise<Buffer | undefined> => {
    const path = join(DATA ?? '', name, address.slice(url.length));
    return existsSync(path) ? readFileSync(path) : undefined;
  };
  return loadRpmRepositories([{ url, signed: 'packages', keys: [] }], { architecture: 'x86_64', fetch, clock: systemClock });
}

describe.skipIf(DATA === undefined)('metadata of public distributions (skipped without CAISSON_RPM_DATA)', () => {
  describe('of CentOS Stream 9 AppStream', () => {
    let index: RpmIndex;
    beforeAll(async () => {
      index = await load('centos-stream-9-appstream');
    }, 120_000);

    it('is read whole: no package is left out', () => {
      expect(index.table.unusable).toEqual([]);
      expect(index.table.length).toBeGreaterThan(15_000);
      for (let row = 0; row < index.table.length; row += 1) expect(index.table.at(row).name).not.toBe('');
    }, 60_000);

    it('says what is missing where the base of the distribution is not there', () => {
      const found = solveRpmSet(new RpmUniverse(index.table, {}), ['nginx'], { architecture: 'x86_64' });
      expect(found.ok).toBe(false);
      expect(JSON.stringify(found)).toContain('no repository offers it');
    }, 60_000);
  });

  it('is read where it is compressed with zstd', async () => {
    expect((await load('zstd')).table.length).toBeGreaterThan(0);
  });
});
