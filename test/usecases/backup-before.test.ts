import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readBackup } from '../../src/backup/index.ts';
import type { Event } from '../../src/core/index.ts';
import { backupSource } from '../../src/usecases/backup/backup-source.ts';
import { install, planUpgrade, rollback, upgrade, type UpgradeOptions } from '../../src/usecases/index.ts';
import { keyPair } from '../support/backup-site.ts';
import { dataManifests, playPrograms, STORE_DATA, type DataPrograms } from '../support/data-platform.ts';
import { failureOf, hardSite, type HardSite } from '../support/hard-cases.ts';
import { THREE_NODES, writeSampleBundle } from '../support/sample-install.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const shared = useSharedTempDir();
const ending = useEnding<HardSite>();
const yes = async (): Promise<boolean> => true;
let older: string;
let newer: string;
let keys: Awaited<ReturnType<typeof keyPair>>;

beforeAll(async () => {
  const manifests = dataManifests();
  const changed = { ...manifests, 'components/store/store.conf': `${manifests['components/store/store.conf']}keep=7\n` };
  older = await writeSampleBundle(join(shared(), 'older.tar'), { manifests });
  newer = await writeSampleBundle(join(shared(), 'newer.tar'), { manifests: changed, version: '1.3' });
  keys = await keyPair();
});

interface Upgradable {
  readonly site: HardSite;
  readonly programs: DataPrograms;
  /** The directory of the backups. */
  readonly backups: string;
  /** Options of an upgrade that begins at this second, which is in the name of its backup. */
  readonly at: (second: number, changes?: Partial<UpgradeOptions>) => UpgradeOptions;
  readonly events: Event[];
}

/** A site with data on which the older release is installed, and whose cluster.yaml has a backup section. */
async function upgradable({ section = true } = {}): Promise<Upgradable> {
  const site = ending(await hardSite(directory(), older, THREE_NODES));
  await site.run();
  await site.take(newer);
  const programs = playPrograms(site.machines);
  site.machine('m1').write(`${STORE_DATA}/state`, 'state 1', 0o600);
  for (const name of ['f1', 'f2']) site.machine(name).write('/opt/sample/pages/all', `pages of ${name}`, 0o644);
  const backups = join(directory(), 'backups');
  await mkdir(backups);
  await writeFile(join(directory(), 'operator.asc'), keys.publicKey);
  const { clusterPath } = site.options;
  const declared = `backup: { directory: "${backups}", recipients: [./operator.asc], keep: 2 }\n`;
  if (section) await writeFile(clusterPath, `${await readFile(clusterPath, 'utf8')}${declared}`);
  const events: Event[] = [];
  return {
    site,
    programs,
    backups,
    events,
    at: (second, changes) => ({
      ...site.options,
      bundlePaths: [newer],
      clusterPath: undefined,
      clock: { ...site.options.clock, now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, second)) },
      emit: (event) => events.push(event),
      ...changes,
    }),
  };
}

const nameAt = (second: number): string => `sample-20260101T00000${second}Z.tar.gpg`;

/** The files of all machines but those that a run only reads. */
function statesOf({ machines }: HardSite): readonly unknown[] {
  return machines.map((machine) => machine.state());
}

async function opened(backups: string, name: string) {
  const file = join(backups, name);
  return readBackup(await backupSource(file), keys.opener, file);
}

describe('an upgrade where cluster.yaml has a backup section', () => {
  it('says in the plan that it makes a backup first, and makes none with a plan alone', async () => {
    const { at, backups } = await upgradable();
    const { notes } = await planUpgrade(at(1));
    expect(notes).toEqual([`A backup is made first, with data of components, in ${backups}, for the keys of ./operator.asc`]);
    expect(await readdir(backups)).toEqual([]);
  });

  it('makes it of the site as it was before any change, with data and with the keys of the recipients', async () => {
    const { site, at, backups, programs } = await upgradable();
    await upgrade(at(1), yes);
    expect(await readdir(backups)).toEqual([nameAt(1)]);
    const { document, files } = await opened(backups, nameAt(1));
    expect(document.bundle).toMatchObject({ version: '1.2' });
    expect(document.data.map(({ component, host }) => `${component} ${host}`)).toEqual(['store m1', 'web f1', 'web f2']);
    const paths = files.map(({ path }) => path);
    expect(paths).toContain(join(directory(), 'operator.asc'));
    const record = files.find(({ path }) => path.endsWith('/site.json'))?.content.toString() ?? '';
    expect(JSON.parse(record)).toMatchObject({ bundle: { version: '1.2' }, operations: [{ operation: 'install', outcome: 'done' }] });
    expect(programs.log).toEqual(['m1: save (running)', 'f1: dump (running)', 'f2: dump (running)']);
    expect((await site.record()).operations.at(-1)).toMatchObject({
      operation: 'upgrade',
      outcome: 'done',
      backup: join(backups, nameAt(1)),
    });
  });

  it('makes none before it is approved, and none where nothing changes', async () => {
    const { at, backups } = await upgradable();
    await failureOf(upgrade(at(1), async () => false));
    expect(await readdir(backups)).toEqual([]);
    await upgrade(at(2), yes);
    const { notes } = await planUpgrade(at(3));
    expect(notes).toEqual([]);
    await upgrade(at(3), yes);
    expect(await readdir(backups)).toEqual([nameAt(2)]);
  });

  it('keeps as many backups as the section says', async () => {
    const { at, backups } = await upgradable();
    for (const name of [nameAt(1), nameAt(2)]) await writeFile(join(backups, name), '');
    await upgrade(at(3), yes);
    expect((await readdir(backups)).sort()).toEqual([nameAt(2), nameAt(3)]);
  });

  it('changes nothing when the backup fails, and says how to go on without', async () => {
    const { site, at, backups, programs, events } = await upgradable();
    programs.failing.add('save');
    const [before, record] = [statesOf(site), await site.record()];
    await failureOf(upgrade(at(1), yes));
    expect(statesOf(site)).toEqual(before);
    expect(await site.record()).toEqual(record);
    expect(await readdir(backups)).toEqual([]);
    expect(events).toContainEqual({
      type: 'warning',
      message: 'The backup before the upgrade failed. No host was changed',
      hint: 'To go on without a backup: --no-backup',
    });
    await upgrade(at(2, { withBackup: false }), yes);
    expect((await site.record()).bundle).toMatchObject({ version: '1.3' });
  });

  it.each([
    ['directory', 'backups', 'BACKUP_WRITE_FAILED', 'Cannot write backups to'],
    ['key', 'operator.asc', 'INPUT_UNREADABLE', 'operator.asc'],
  ])('is refused before the plan is shown where the %s is missing', async (_, name, code, message) => {
    const { site, at } = await upgradable();
    await rm(join(directory(), name), { recursive: true });
    const failed = await failureOf(planUpgrade(at(1)));
    expect(failed).toMatchObject({ error: { code }, message: expect.stringContaining(message) });
    await planUpgrade(at(1, { withBackup: false }));
    expect((await site.record()).bundle).toMatchObject({ version: '1.2' });
  });

  it('is not backed up with --no-backup, and the plan says so', async () => {
    const { at, backups } = await upgradable();
    expect((await planUpgrade(at(1, { withBackup: false }))).notes).toEqual(['No backup is made first, as --no-backup asks']);
    await upgrade(at(1, { withBackup: false }), yes);
    expect(await readdir(backups)).toEqual([]);
  });
});

describe('an upgrade where cluster.yaml has no backup section', () => {
  it('says that no backup is made', async () => {
    const { site, at, backups } = await upgradable({ section: false });
    expect((await planUpgrade(at(1))).notes).toEqual(['No backup is made first: cluster.yaml has no backup section']);
    await upgrade(at(1), yes);
    expect(await readdir(backups)).toEqual([]);
    expect((await site.record()).bundle).toMatchObject({ version: '1.3' });
  });
});

describe('an upgrade that goes on', () => {
  /** Runs an upgrade that is killed after a number of its commands. */
  async function killed({ site, at }: Upgradable, commands: number, second: number): Promise<void> {
    site.installer.death = { at: site.installer.commands + commands, carriedOut: true };
    await failureOf(upgrade(at(second), yes));
    site.installer.death = undefined;
  }

  /** Numbers of the commands of an upgrade: until the first action of its backup, until the backup is made, and all. */
  async function measured(): Promise<{ readonly begun: number; readonly made: number; readonly all: number }> {
    const { site, at } = await upgradable();
    const start = site.installer.commands;
    const passed: number[] = [];
    const emit = (event: Event): void => {
      if (event.type === 'note') passed.push(site.installer.commands - start);
    };
    await upgrade(at(1, { emit }), yes);
    await emptied();
    return { begun: passed[0] ?? 0, made: passed.at(-1) ?? 0, all: site.installer.commands - start };
  }

  /** Makes room for another site in the directory of the test. */
  async function emptied(): Promise<void> {
    await rm(directory(), { recursive: true });
    await mkdir(directory());
  }

  it('makes one backup, whenever the run before was killed', async () => {
    const { begun, made, all } = await measured();
    const firsts: number[] = [];
    for (const commands of [begun + 1, made + 1, Math.round((made + all) / 2), all - 2]) {
      const one = await upgradable();
      await killed(one, commands, 1);
      const isMade = (await readdir(one.backups)).length > 0;
      firsts.push(isMade ? 1 : 2);
      await upgrade(one.at(2), yes);
      const name = nameAt(isMade ? 1 : 2);
      expect({ commands, names: await readdir(one.backups) }).toEqual({ commands, names: [name] });
      expect((await opened(one.backups, name)).document.bundle).toMatchObject({ version: '1.2' });
      expect((await one.site.record()).bundle).toMatchObject({ version: '1.3' });
      await emptied();
    }
    expect(firsts).toEqual([2, 1, 1, 1]);
  });

  it('makes another where the first is gone, and none after a run of another verb to the same bundle', async () => {
    const { made, all } = await measured();
    const one = await upgradable();
    const { site, at, backups } = one;
    await killed(one, Math.round((made + all) / 2), 1);
    expect((await planUpgrade(at(2))).notes[0]).toMatch(
      /^The backup from before this upgrade is .*01Z\.tar\.gpg; where it is gone, a backup/,
    );
    await rm(join(backups, nameAt(1)));
    await killed(one, made + 5, 3);
    expect(await readdir(backups)).toEqual([nameAt(3)]);
    site.installer.death = { at: site.installer.commands + made, carriedOut: true };
    await failureOf(install(at(4), yes));
    site.installer.death = undefined;
    await upgrade(at(5), yes);
    expect(await readdir(backups)).toEqual([nameAt(3)]);
  });

  it('does not take the backup of an earlier upgrade to the same bundle for its own', async () => {
    const { at, backups, site } = await upgradable();
    await upgrade(at(1), yes);
    await rollback(at(2, { bundlePaths: undefined }), yes);
    await upgrade(at(3), yes);
    expect((await readdir(backups)).sort()).toEqual([nameAt(1), nameAt(3)]);
    expect((await site.record()).operations.at(-1)?.backup).toBe(join(backups, nameAt(3)));
  });
});
