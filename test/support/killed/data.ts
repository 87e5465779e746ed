import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { silent } from '../../../src/core/index.ts';
import { backup, restoreData } from '../../../src/usecases/index.ts';
import { backupOptions, restoreOptions } from '../backup-site.ts';
import { playPrograms, STORE_DATA } from '../data-platform.ts';
import type { SampleNode } from '../sample-install.ts';
import { simulatedSite, type SimulatedSite } from '../simulated-site.ts';
import { yes, type KilledOperation } from './killed-operation.ts';

const NODES: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage'] },
  { name: 'f1', address: '10.0.0.12', roles: ['front'] },
  { name: 'f2', address: '10.0.0.13', roles: ['front'] },
];
const STATE = `${STORE_DATA}/state`;
const LATER = 'state of today';

interface SiteWithData {
  readonly site: SimulatedSite;
  readonly file: string;
}

/** A store and web servers with data of their own. */
async function siteWithData(own: string, bundle: string): Promise<SiteWithData> {
  const site = await simulatedSite({ directory: own, bundle, nodes: NODES });
  await site.install();
  playPrograms(site.machines);
  site.machine('m1').write(STATE, 'state of yesterday', 0o600);
  for (const name of ['f1', 'f2']) site.machine(name).write('/opt/sample/pages/all', `pages of ${name}`, 0o644);
  await mkdir(join(own, 'out'));
  return { site, file: join(own, 'out/data.gpg') };
}

/** The data of all machines. What was moved aside depends on how often the restore was begun. */
function dataOf({ machines }: SimulatedSite): unknown {
  return machines.map(({ files }) =>
    [...files]
      .filter(([path]) => /^\/opt\/sample\/(data|pages)\//.test(path))
      .map(([path, { content, owner }]) => `${path} ${owner} ${content.toString()}`),
  );
}

const BESIDE = /\.before-restore-/;

export const OF_DATA: readonly KilledOperation[] = [
  {
    name: 'backup with data',
    ready: async (own, bundles) => {
      const { site, file } = await siteWithData(own, await bundles('data'));
      // A backup replaces no file, and one that was killed after the file was whole left it.
      const run = async (): Promise<unknown> => {
        await rm(file, { force: true });
        return backup(backupOptions(site, file));
      };
      return { site, run, again: () => site.install() };
    },
  },
  {
    name: 'restore of data',
    ready: async (own, bundles) => {
      const { site, file } = await siteWithData(own, await bundles('data'));
      await backup(backupOptions(site, file));
      const m1 = site.machine('m1');
      m1.write(STATE, LATER, 0o600);
      const options = { ...restoreOptions(site, file), home: site.options.connect.home, emit: silent };
      // What is moved aside gets the second of the run as its name.
      let runs = 0;
      const run = (): Promise<unknown> => {
        runs += 1;
        const now = new Date(Date.UTC(2026, 0, 1, 0, 0, runs));
        return restoreData({ ...options, clock: { ...options.clock, now: () => now } }, yes);
      };
      const atDeath = (): void =>
        expect([...m1.files].some(([path, { content }]) => path.startsWith(STORE_DATA) && content.toString() === LATER)).toBe(true);
      return { site, run, again: () => site.install(), atDeath, facts: () => dataOf(site), except: BESIDE };
    },
  },
];
