import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silent } from '../../src/core/index.ts';
import { backup, moveComponent, planRestoreData, restoreData, type RestoreDataOptions } from '../../src/usecases/index.ts';
import { backupOptions, restoreOptions } from '../support/backup-site.ts';
import { dataManifests, playPrograms, STORE_DATA, type DataPrograms } from '../support/data-platform.ts';
import { failureOf } from '../support/hard-cases.ts';
import { writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { simulatedSite, outcomeOf, type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const ending = useEnding<SimulatedSite>();

const NODES: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage'] },
  { name: 'm2', address: '10.0.0.12', roles: ['manage'] },
  { name: 'f1', address: '10.0.0.13', roles: ['front'] },
];
const STATE = `${STORE_DATA}/state`;
const ROWS = 'rows of years, and the keys to them';

const yes = async (): Promise<boolean> => true;

interface Moving {
  readonly site: SimulatedSite;
  readonly programs: DataPrograms;
  readonly file: string;
  /** Moves the store to a node, without its data. */
  readonly move: (to: string) => Promise<unknown>;
  readonly restore: RestoreDataOptions;
}

/** A site whose store has rows on m1. `store` replaces texts of its manifest. */
async function siteWithRows(store?: (text: string) => string): Promise<Moving> {
  const bundle = await writeSampleBundle(join(directory(), 'moving.tar'), { manifests: dataManifests(store) });
  const site = ending(await simulatedSite({ directory: directory(), bundle, nodes: NODES }));
  await site.install();
  const programs = playPrograms(site.machines);
  site.machine('m1').write(STATE, ROWS, 0o600);
  site.machine('f1').write('/opt/sample/pages/all', 'pages', 0o644);
  await mkdir(join(directory(), 'out'));
  const file = join(directory(), 'out/before-move.gpg');
  const options = { ...site.options, bundlePaths: undefined, clusterPath: undefined };
  return {
    site,
    programs,
    file,
    move: (to) => moveComponent(options, { component: 'store', to, beginEmpty: true }, yes),
    restore: { ...restoreOptions(site, file), home: site.options.connect.home, emit: silent, components: ['store'] },
  };
}

function runsOn({ machines }: SimulatedSite, service: string): readonly string[] {
  return machines.filter(({ units }) => units.get(`${service}.service`)?.started !== undefined).map(({ name }) => name);
}

describe('data of a single component that moves', () => {
  it.each([
    ['built before it starts', (text: string): string => text, ['m2: rebuild (stopped)']],
    ['loaded while it runs', (text: string): string => text.replace('    while: stopped\n', ''), ['m2: rebuild (running)']],
  ])('come along by a backup and a restore, %s', async (_how, store, rebuilt) => {
    const { site, programs, file, move, restore } = await siteWithRows(store);
    await backup(backupOptions(site, file));
    await move('m2');
    expect(runsOn(site, 'store')).toEqual(['m2']);
    // The empty store wrote something of its own, which is moved aside.
    site.machine('m2').write(STATE, 'nothing yet', 0o600);
    const plan = await planRestoreData(restore);
    expect(plan.targets.map(({ placement, filled }) => `${placement.id} ${filled.join()}`)).toEqual([`store/m2 ${STORE_DATA}`]);
    await restoreData(restore, yes);
    expect(programs.log.filter((line) => line.includes('rebuild'))).toEqual(rebuilt);
    expect(site.machine('m2').text(STATE)).toBe(ROWS);
    expect(site.machine('m1').text(STATE)).toBe(ROWS);
    expect(runsOn(site, 'store')).toEqual(['m2']);
    expect(runsOn(site, 'web')).toEqual(['f1']);
    expect((await site.install()).changed).toBe(0);
  });

  it('go back the same way, once those from before are moved aside', async () => {
    const { site, file, move, restore } = await siteWithRows();
    await backup(backupOptions(site, file));
    await move('m2');
    await restoreData(restore, yes);
    site.machine('m2').write(STATE, `${ROWS}, and of this one`, 0o600);
    expect((await failureOf(move('m1'))).message).toContain(`m1: ${STORE_DATA} has data of "store" from before`);
    const m1 = site.machine('m1');
    m1.files.delete(STATE);
    m1.directories.delete(STORE_DATA);
    m1.write('/opt/sample/data.old/state', ROWS, 0o600);
    const later = join(directory(), 'out/later.gpg');
    await backup(backupOptions(site, later));
    await move('m1');
    await restoreData({ ...restore, file: later }, yes);
    expect(m1.text(STATE)).toBe(`${ROWS}, and of this one`);
    expect(runsOn(site, 'store')).toEqual(['m1']);
    expect((await site.install()).changed).toBe(0);
  });

  it('come along where the restore was killed at any command and is run again', async () => {
    const points = 4;
    const { site, file, move, restore } = await siteWithRows();
    await backup(backupOptions(site, file));
    await move('m2');
    const { installer } = site;
    const before = installer.commands;
    await restoreData(restore, yes);
    const commands = installer.commands - before;
    for (let at = 1; at <= commands; at += Math.max(1, Math.floor(commands / points))) {
      site.machine('m2').write(STATE, 'other', 0o600);
      installer.death = { at: installer.commands + at, carriedOut: at % 2 === 1 };
      expect(await outcomeOf(restoreData(restore, yes))).not.toBe('done');
      installer.death = undefined;
      expect(await outcomeOf(restoreData(restore, yes)), `after a kill at command ${at} of ${commands}`).toBe('done');
      expect(site.machine('m2').text(STATE), `after a kill at command ${at} of ${commands}`).toBe(ROWS);
      expect((await site.install()).changed).toBe(0);
    }
  }, 600_000);
});
