import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { adopt, type AdoptOptions } from '../../src/usecases/index.ts';
import { treeOf } from '../support/backup-site.ts';
import { declareAgain, lostSeed, recordBelow, type LostSeed } from '../support/lost-seed.ts';
import { life, live } from '../support/mortal-files.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

// The real file system, which loses its user.
vi.mock('node:fs/promises', async (load) => {
  const { mortalFiles } = await import('../support/mortal-files.ts');
  return mortalFiles(await load<typeof import('node:fs/promises')>());
});

const directory = useTempDir();
const samples = useSampleSites(directory);
const yes = async (): Promise<boolean> => true;
const no = async (): Promise<boolean> => false;
const STOPPED = 'Stopped before anything was changed';

beforeEach(() => live());

type Way = 'byKeys' | 'byBackup';

/** Adopts up to the plan of the hosts, which is not approved. */
async function filesOf(options: AdoptOptions): Promise<void> {
  await expect(adopt(options, { approve: yes, approvePlan: no })).rejects.toThrow(STOPPED);
}

async function expectWhole(site: LostSeed, root: string): Promise<void> {
  const [before, after] = [seedLayout(site.before), seedLayout(root)];
  expect(await treeOf(after.secrets)).toEqual(await treeOf(before.secrets));
  expect(await treeOf(after.authorities)).toEqual(await treeOf(before.authorities));
  expect(await recordBelow(root)).toMatchObject({ seed: 'f2', placements: { store: ['m1'] } });
}

describe.each<Way>(['byKeys', 'byBackup'])('an adoption %s that is killed', (way) => {
  it('while it writes its files goes on with the same command', async () => {
    const site = await lostSeed(directory(), samples.open);
    const root = join(directory(), 'seed-of-f2');
    const options = site[way](root);
    live();
    await filesOf(options);
    const { operations } = life;
    expect(operations).toBeGreaterThan(10);
    const points = Array.from({ length: 12 }, (_, index) => 1 + Math.floor((index * operations) / 12));
    for (const at of points) {
      await rm(root, { recursive: true, force: true });
      await declareAgain(site);
      live(at);
      await expect(adopt(options, { approve: yes, approvePlan: no }), `killed before operation ${at}`).rejects.toThrow('killed');
      live();
      await filesOf(options);
      await expectWhole(site, root);
    }
  }, 120_000);

  it('at any of the commands on its hosts goes on with the same command', async () => {
    const siteIn = async (name: string): Promise<LostSeed> => {
      const own = join(directory(), name);
      await mkdir(own);
      return lostSeed(own, (options) => samples.open({ ...options, directory: own }));
    };
    const calm = await siteIn('calm');
    const before = calm.three.installer.commands;
    await adopt(calm[way](join(directory(), 'calm/root')), { approve: yes, approvePlan: yes });
    const commands = calm.three.installer.commands - before;
    await calm.three.end();
    for (const share of [0.1, 0.4, 0.7, 0.95]) {
      const site = await siteIn(`killed-${share}`);
      const { installer } = site.three;
      const root = join(directory(), `killed-${share}/root`);
      const options = site[way](root);
      installer.death = { at: installer.commands + Math.round(share * commands), carriedOut: share > 0.5 };
      await expect(
        adopt(options, { approve: yes, approvePlan: yes }).then(() => 'adopted'),
        `killed at ${share}`,
      ).rejects.toThrow();
      installer.death = undefined;
      await adopt(options, { approve: yes, approvePlan: yes });
      await expectWhole(site, root);
      const again = await adopt(options, { approve: no, approvePlan: yes });
      expect({ share, changed: again.summary.changed }).toEqual({ share, changed: 0 });
      await site.three.end();
    }
  }, 120_000);
});
