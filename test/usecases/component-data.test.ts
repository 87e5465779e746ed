import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { silent } from '../../src/core/index.ts';
import { backup, planRestoreData, restoreData, type RestoreDataOptions } from '../../src/usecases/index.ts';
import { RENEWAL_UNIT } from '../../src/site/index.ts';
import { backupOptions, PASSPHRASE, restoreOptions } from '../support/backup-site.ts';
import { dataManifests, playPrograms, STORE_DATA, type DataPrograms } from '../support/data-platform.ts';
import { THREE_NODES, writeSampleBundle } from '../support/sample-install.ts';
import { simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const shared = useSharedTempDir();
const ending = useEnding<SimulatedSite>();
let bundle: string;
beforeAll(async () => {
  bundle = await writeSampleBundle(join(shared(), 'data.tar'), { manifests: dataManifests() });
});

const STATE = `${STORE_DATA}/state`;
const PAGES = '/opt/sample/pages/all';
/** More than two chunks that are fetched at once. */
const LARGE = Buffer.alloc(17 * 2 ** 20, 'large state ');

interface DataSite {
  readonly site: SimulatedSite;
  readonly programs: DataPrograms;
  /** Path of a backup file. */
  readonly file: string;
}

/** An installed site whose store and web servers have data. */
async function siteWithData(state: string | Buffer = 'state 1'): Promise<DataSite> {
  const site = ending(await simulatedSite({ directory: directory(), bundle, nodes: THREE_NODES }));
  await site.install();
  const programs = playPrograms(site.machines);
  site.machine('m1').write(STATE, state, 0o600);
  for (const name of ['f1', 'f2']) site.machine(name).write(PAGES, `pages of ${name}`, 0o644);
  await mkdir(join(directory(), 'out'));
  return { site, programs, file: join(directory(), 'out/data.gpg') };
}

/** Files of backups and restores that are on the hosts. */
function leftOn({ machines }: SimulatedSite): readonly string[] {
  return machines.flatMap(({ name, files, directories }) =>
    [...files.keys(), ...directories.keys()].filter((path) => path.startsWith('/var/lib/caisson/data')).map((path) => `${name}: ${path}`),
  );
}

function dataOptions({ site, file }: DataSite, changes: Partial<RestoreDataOptions> = {}): RestoreDataOptions {
  return { ...restoreOptions(site, file), home: site.options.connect.home, emit: silent, ...changes };
}

describe('a backup with data of components', () => {
  it('has what the backup actions wrote, host by host, and leaves nothing on the hosts', async () => {
    const made = await siteWithData();
    const { data, notIncluded } = await backup(backupOptions(made.site, made.file));
    expect(data.map(({ component, host, file, size }) => `${component} ${host} ${file} ${size}`)).toEqual([
      'store m1 snapshot.db 7',
      'web f1 pages.txt 11',
      'web f2 pages.txt 11',
    ]);
    expect(notIncluded).toEqual([]);
    expect(leftOn(made.site)).toEqual([]);
  });

  it('fetches a file of many chunks, and a restore brings back each of its bytes', async () => {
    const made = await siteWithData(LARGE);
    await backup(backupOptions(made.site, made.file));
    made.site.machine('m1').write(STATE, 'lost', 0o600);
    await restoreData(dataOptions(made, { components: ['store'] }), async () => true);
    expect(made.site.machine('m1').files.get(STATE)?.content.equals(LARGE)).toBe(true);
  });

  it('fails with its action, and leaves no file, neither on the seed nor on the hosts', async () => {
    const made = await siteWithData();
    made.programs.failing.add('dump');
    await expect(backup(backupOptions(made.site, made.file))).rejects.toMatchObject({
      code: 'ACTION_FAILED',
      message: expect.stringContaining('Cannot dump the pages for "web" on "f1"'),
    });
    expect(await readdir(join(directory(), 'out'))).toEqual([]);
    expect(leftOn(made.site)).toEqual([]);
  });

  it('fails when an action ends well and writes no file', async () => {
    const made = await siteWithData();
    made.site.machine('f2').programs.set('webctl', () => ({}));
    await expect(backup(backupOptions(made.site, made.file))).rejects.toMatchObject({
      code: 'ACTION_FAILED',
      message: expect.stringContaining('it ended well and left no file'),
    });
  });

  it('removes at its start what a killed one left on the hosts', async () => {
    const made = await siteWithData();
    const { installer } = made.site;
    installer.death = { at: installer.commands + 14, carriedOut: true };
    await expect(backup(backupOptions(made.site, made.file))).rejects.toThrow();
    installer.death = undefined;
    expect(leftOn(made.site)).not.toEqual([]);
    expect(await readdir(join(directory(), 'out'))).toEqual([]);
    await backup(backupOptions(made.site, made.file));
    expect(leftOn(made.site)).toEqual([]);
  });

  it('asks no host with --no-data, and names the data that are not in it', async () => {
    const made = await siteWithData();
    const { commands } = made.site.installer;
    const { data, notIncluded } = await backup(backupOptions(made.site, made.file, { withData: false }));
    expect(made.site.installer.commands).toBe(commands);
    expect(data).toEqual([]);
    expect(notIncluded.map(({ host, path }) => `${host} ${path}`)).toEqual([
      'm1 /opt/sample/data',
      'f1 /opt/sample/pages',
      'f2 /opt/sample/pages',
    ]);
    await expect(planRestoreData(dataOptions(made))).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('no data') });
  });

  it('is refused while a host with data cannot be reached', async () => {
    const made = await siteWithData();
    const { machines } = made.site.options;
    const connect: NonNullable<typeof machines>['connect'] = async (...words) => {
      if (words[0].name === 'f1') throw new Error('no route');
      if (machines === undefined) throw new Error('the site has no machines');
      return machines.connect(...words);
    };
    const changes = machines === undefined ? {} : { machines: { ...machines, connect } };
    await expect(backup(backupOptions(made.site, made.file, changes))).rejects.toMatchObject({
      code: 'HOSTS_UNFIT',
      message: expect.stringContaining('f1: its data cannot be fetched: no route'),
    });
  });
});

describe('a restore of data', () => {
  it('stops what needs the data, moves those that are there aside, and starts everything again in order', async () => {
    const made = await siteWithData();
    await backup(backupOptions(made.site, made.file));
    const m1 = made.site.machine('m1');
    m1.write(STATE, 'state 2', 0o600);
    for (const name of ['f1', 'f2']) made.site.machine(name).write(PAGES, 'other', 0o644);
    const plan = await planRestoreData(dataOptions(made));
    expect(plan.targets.map(({ placement, filled }) => `${placement.id} ${filled.join(' ')}`)).toEqual([
      'store/m1 /opt/sample/data',
      'web/f1 /opt/sample/pages',
      'web/f2 /opt/sample/pages',
    ]);
    await restoreData(dataOptions(made), async () => true);
    expect(m1.text(STATE)).toBe('state 1');
    expect(m1.text('/opt/sample/data.before-restore-20260101T000000Z/state')).toBe('state 2');
    expect(m1.directories.get(STORE_DATA)).toEqual({ mode: 0o700, owner: '1001:0' });
    for (const name of ['f1', 'f2']) expect(made.site.machine(name).text(PAGES)).toBe(`pages of ${name}`);
    expect(made.programs.log.filter((line) => /rebuild|load/.test(line)).sort()).toEqual([
      'f1: load (running)',
      'f2: load (running)',
      'm1: rebuild (stopped)',
    ]);
    // The timer of renewals alone starts its service.
    const stopped = made.site.machines.flatMap(({ units }) =>
      [...units].flatMap(([name, { started }]) => (started === undefined ? [name] : [])),
    );
    expect(stopped).toEqual([RENEWAL_UNIT]);
    expect(leftOn(made.site)).toEqual([]);
  });

  it('restores the components that were named, and restarts those that need them', async () => {
    const made = await siteWithData();
    await backup(backupOptions(made.site, made.file));
    made.site.machine('f1').write(PAGES, 'new', 0o644);
    const plan = await planRestoreData(dataOptions(made, { components: ['store'] }));
    expect(plan.dependents.map(({ id }) => id)).toEqual(['web/f1', 'web/f2']);
    await restoreData(dataOptions(made, { components: ['store'] }), async () => true);
    expect(made.site.machine('f1').text(PAGES)).toBe('new');
    await expect(planRestoreData(dataOptions(made, { components: ['stor'] }))).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('store'),
    });
  });

  it('changes nothing without approval', async () => {
    const made = await siteWithData();
    await backup(backupOptions(made.site, made.file));
    const before = made.site.machines.map((machine) => machine.state({ exact: true }));
    await expect(restoreData(dataOptions(made), async () => false)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(made.site.machines.map((machine) => machine.state({ exact: true }))).toEqual(before);
  });

  it('goes on after a kill at any command, loses no data from before, and ends the same', async () => {
    const made = await siteWithData();
    await backup(backupOptions(made.site, made.file));
    const m1 = made.site.machine('m1');
    const { installer } = made.site;
    const [start] = [installer.commands];
    await restoreData(dataOptions(made), async () => true);
    const count = installer.commands - start;
    for (let at = 1; at <= count; at += 3) {
      m1.write(STATE, `living ${at}`, 0o600);
      installer.death = { at: installer.commands + at, carriedOut: at % 2 === 0 };
      await expect(restoreData(dataOptions(made), async () => true)).rejects.toThrow();
      installer.death = undefined;
      const kept = [...m1.files].some(([path, { content }]) => path.startsWith(STORE_DATA) && content.toString() === `living ${at}`);
      expect(kept, `killed at ${at}`).toBe(true);
      await restoreData(dataOptions(made), async () => true);
      expect(m1.text(STATE)).toBe('state 1');
      expect(leftOn(made.site)).toEqual([]);
    }
  });

  it('refuses a backup of another site, and one that was changed', async () => {
    const made = await siteWithData();
    await backup(backupOptions(made.site, made.file));
    const other = ending(await simulatedSite({ directory: join(directory(), 'out'), bundle, nodes: THREE_NODES }));
    await other.install();
    await expect(planRestoreData({ ...dataOptions(made), ...restoreOptions(other, made.file) })).rejects.toMatchObject({
      code: 'SITE_CONFLICT',
      message: expect.stringContaining('it is a backup of site "sample"'),
    });
    await expect(planRestoreData(dataOptions(made, { opener: { passphrase: `${PASSPHRASE}!` } }))).rejects.toMatchObject({
      code: 'BACKUP_KEY_WRONG',
    });
  });

  it('leaves what needs a failed component stopped, and says what failed', async () => {
    const made = await siteWithData();
    await backup(backupOptions(made.site, made.file));
    made.programs.failing.add('rebuild');
    await expect(restoreData(dataOptions(made), async () => true)).rejects.toMatchObject({ cause: { code: 'ACTION_FAILED' } });
    expect(made.site.machine('f1').units.get('web.service')?.started).toBeUndefined();
    made.programs.failing.clear();
    await restoreData(dataOptions(made), async () => true);
    expect(made.site.machine('f1').units.get('web.service')?.started).toBeDefined();
    expect(made.site.machine('m1').text(STATE)).toBe('state 1');
  });
});
