import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { expect } from 'vitest';
import { openFileStore, seedLayout } from '../../src/site/index.ts';
import { backup } from '../../src/usecases/index.ts';
import { backupOptions, treeOf } from '../support/backup-site.ts';
import { keptPassword, leftOn, prepare, runs, type Scenario, type Step } from './guide-scenario.ts';
import { NODES, type GuideSite, type GuideSites } from './guide-site.ts';

const { m1, g1, c1, c2 } = NODES;
const ETCD = '/opt/rainbond/data/etcd';
const TABLES = '/opt/rainbond/data/mysql/tables';
const KEEP_14 = 'caisson backup --output /mnt/usb --recipient operator.asc --keep 14';

const installed: Scenario['open'] = (sites) => sites.installed([m1, g1, c1]);

/** A site whose etcd and database have data. */
async function withData(sites: GuideSites): Promise<GuideSite> {
  const site = await installed(sites);
  await mkdir(site.file('usb'));
  site.machine('m1').write(`${ETCD}/member/db`, 'etcd 1', 0o600);
  site.machine('m1').write(TABLES, 'tables 1', 0o600);
  return site;
}

const dataOf = (site: GuideSite): readonly string[] => [`${ETCD}/member/db`, TABLES].map((path) => site.machine('m1').text(path));
const backups = (site: GuideSite): Promise<string[]> => readdir(site.file('usb'));

/** Takes a backup with data, and has the cluster go on with others. */
async function dataLost(site: GuideSite): Promise<void> {
  await prepare(site, KEEP_14);
  site.machine('m1').write(`${ETCD}/member/db`, 'etcd 2', 0o600);
  site.machine('m1').write(TABLES, 'tables 2', 0o600);
}

const theBackup: Step['names'] = (site) => ({ FILE: site.file('usb/sample-20260101T000000Z.tar.gpg') });

/**
 * A site whose seed c1 is lost, with a backup of it, the keys of its authorities, and its bundle; from now on the commands
 * run on c2.
 */
async function seedLost(sites: GuideSites): Promise<GuideSite> {
  const site = await sites.installed([c1, m1, g1, c2]);
  await backup(backupOptions(site.site, site.file('lost.gpg'), { withData: false }));
  await cp(seedLayout(site.site.seedRoot).authorities, site.file('keys'), { recursive: true });
  site.unreachable.push('c1');
  await site.machine('c1').powerOff();
  site.machines = site.site.moveTo('c2', site.file('seed-of-c2')).machines;
  return site;
}

const lostNames: Step['names'] = (site) => ({ FILE: site.file('lost.gpg'), KEYS: site.file('keys'), OLD: 'c1' });
const seedOf = async (root: string): Promise<string | undefined> => (await openFileStore(seedLayout(root).record).read())?.seed;

const isPlanned: Step['check'] = async (site, { out }) => {
  expect(out).toContain('was "c1" and will be "c2", this machine');
  expect(await seedOf(site.file('seed-of-c2'))).toBeUndefined();
};
const isAdopted: Step['check'] = async (site) => {
  expect(await seedOf(site.file('seed-of-c2'))).toBe('c2');
  expect(await site.cluster()).not.toContain('c1');
  expect(site.machine('m1').text('/etc/hosts')).toContain('10.0.0.14 depot.sample.internal');
  expect(JSON.parse(site.machine('m1').text('/etc/caisson/site.json'))).toMatchObject({ site: { seed: 'c2' } });
};

const BY_BACKUP = 'caisson adopt --backup FILE --passphrase-file passphrase --bundle BUNDLE --forget OLD';
const BY_KEYS = 'caisson adopt --authority-key KEYS --cluster cluster.yaml --bundle BUNDLE --forget OLD';
const RESTORE = 'caisson restore FILE --passphrase-file passphrase';
const RESTORE_DATA = 'caisson restore FILE --key PRIVATE.asc --data';

export const BACKUP_SCENARIOS: readonly Scenario[] = [
  {
    section: 'Back up, and Put data back',
    open: withData,
    steps: [
      {
        command: KEEP_14,
        check: async (site, { out }) => {
          expect(await backups(site)).toEqual(['sample-20260101T000000Z.tar.gpg']);
          expect(out).toContain('  m1: etcd (snapshot.db, 6 B)\n');
        },
      },
      {
        command: 'caisson backup --output seed.gpg --passphrase-file passphrase',
        check: async (site, { out }) => {
          expect((await stat(site.file('seed.gpg'))).mode & 0o777).toBe(0o600);
          expect(out).toContain('  m1: rbd-db (databases.sql, 8 B)\n');
        },
      },
      {
        before: async (site) => {
          await rm(site.file('seed.gpg'));
          site.unreachable.push('m1', 'g1', 'c1');
        },
        command: 'caisson backup --output seed.gpg --passphrase-file passphrase --no-data',
        check: (site, { out }) => {
          expect(out).not.toContain('databases.sql');
          site.unreachable.splice(0);
        },
      },
      {
        before: async (site) => {
          await rm(site.file('usb'), { recursive: true });
          await mkdir(site.file('usb'));
          await site.editCluster((text) => `${text}backup: { directory: ${site.file('usb')}, recipients: [./operator.asc], keep: 14 }\n`);
        },
        command: 'caisson backup',
        check: async (site) => expect(await backups(site)).toEqual(['sample-20260101T000000Z.tar.gpg']),
      },
      {
        before: async (site) => {
          await rm(site.file('usb'), { recursive: true });
          await mkdir(site.file('usb'));
          await dataLost(site);
        },
        command: `${RESTORE_DATA} --plan`,
        names: theBackup,
        check: (site, { out }) => {
          expect(out).toContain(`  ${ETCD} has data: they are moved to ${ETCD}.before-restore-`);
          expect(dataOf(site)).toEqual(['etcd 2', 'tables 2']);
        },
      },
      {
        command: RESTORE_DATA,
        names: theBackup,
        check: (site) => {
          expect(dataOf(site)).toEqual(['etcd 1', 'tables 1']);
          expect([...site.machine('m1').files.keys()].some((path) => path.startsWith(`${ETCD}.before-restore-`))).toBe(true);
          expect(runs(site.machine('m1'), 'etcd')).toBe(true);
        },
      },
      {
        before: async (site) => {
          site.machine('m1').write(`${ETCD}/member/db`, 'etcd 3', 0o600);
          site.machine('m1').write(TABLES, 'tables 3', 0o600);
        },
        command: `${RESTORE_DATA} --component etcd`,
        names: theBackup,
        check: (site) => expect(dataOf(site)).toEqual(['etcd 1', 'tables 3']),
      },
    ],
  },
  {
    section: 'A lost seed, with a backup',
    open: seedLost,
    steps: [
      { command: `${BY_BACKUP} --plan`, names: lostNames, check: isPlanned },
      { command: BY_BACKUP, names: lostNames, check: isAdopted },
    ],
  },
  {
    section: 'A lost seed, with the keys of the authorities alone',
    open: seedLost,
    steps: [
      { command: `${BY_KEYS} --plan`, names: lostNames, check: isPlanned },
      { command: BY_KEYS, names: lostNames, check: isAdopted },
    ],
  },
  {
    section: 'A lost seed, on its own machine',
    open: async (sites) => {
      const site = await installed(sites);
      await backup(backupOptions(site.site, site.file('lost.gpg'), { withData: false }));
      await rm(site.site.seedRoot, { recursive: true });
      return site;
    },
    steps: [
      {
        command: `${RESTORE} --plan`,
        names: lostNames,
        check: async (site, { out }) => {
          expect(out).toContain('Nothing was written');
          expect(await seedOf(site.site.seedRoot)).toBeUndefined();
        },
      },
      {
        command: RESTORE,
        names: lostNames,
        check: async (site) => {
          expect(await seedOf(site.site.seedRoot)).toBe('m1');
          expect(await keptPassword(site)).toBe(site.platform.password);
        },
      },
      {
        command: 'caisson install --offline --bundle BUNDLE',
        check: async (site) => {
          expect(await readdir(seedLayout(site.site.seedRoot).bundles)).toHaveLength(1);
          expect(runs(site.machine('m1'), 'caisson-depot')).toBe(true);
        },
      },
    ],
  },
  {
    section: 'Take a cluster away',
    open: withData,
    steps: [
      { command: 'caisson reset --plan', check: (site) => expect(runs(site.machine('m1'), 'etcd')).toBe(true) },
      {
        command: 'caisson reset',
        check: async (site) => {
          expect(runs(site.machine('m1'), 'etcd')).toBe(false);
          expect(dataOf(site)).toEqual(['etcd 1', 'tables 1']);
          expect(await keptPassword(site)).toBe(site.platform.password);
          expect(leftOn(site.machine('g1'))).toEqual([]);
        },
      },
      {
        before: async (site) => {
          await site.machine('m1').run({ argv: ['rm', '-rf', '/opt/rainbond', '/grdata'] });
          await prepare(site, 'caisson install --offline --bundle BUNDLE --cluster cluster.yaml');
        },
        command: 'caisson reset --purge',
        check: async (site) => {
          for (const machine of site.site.machines) expect(leftOn(machine), machine.name).toEqual([]);
          expect([...(await treeOf(site.site.seedRoot)).keys()]).toEqual(['var/lib/caisson/journal.jsonl']);
        },
      },
    ],
  },
];
