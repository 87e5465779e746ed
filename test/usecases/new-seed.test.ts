import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFileStore, seedLayout, type SiteRecord } from '../../src/site/index.ts';
import { backup, planRestore, reset, restore } from '../../src/usecases/index.ts';
import { backupOptions, restoreOptions, treeOf } from '../support/backup-site.ts';
import { THREE_NODES } from '../support/sample-install.ts';
import { outcomeOf, type SimulatedSite, type SiteOptions } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const [MANAGE, FRONT, OTHER] = THREE_NODES;
const directory = useTempDir();
const samples = useSampleSites(directory);
const yes = async (): Promise<boolean> => true;

/** Three hosts, of which f1 is the seed: no data are lost with it. With a backup, and its text of cluster.yaml in old.yaml. */
async function site(
  options: Partial<SiteOptions> = {},
): Promise<{ readonly three: SimulatedSite; readonly file: string; readonly old: string }> {
  const nodes = [FRONT, MANAGE, OTHER].flatMap((node) => node ?? []);
  const three = await samples.open({ nodes, ...options });
  await three.install();
  const [file, old] = [join(directory(), 'backup.gpg'), join(directory(), 'old.yaml')];
  await backup(backupOptions(three, file));
  await writeFile(old, await readFile(three.options.clusterPath));
  return { three, file, old };
}

async function edit({ options }: SimulatedSite, change: (text: string) => string): Promise<void> {
  await writeFile(options.clusterPath, change(await readFile(options.clusterPath, 'utf8')));
}

async function recordIn(root: string): Promise<SiteRecord> {
  const record = await openFileStore(seedLayout(root).record).read();
  if (record === undefined) throw new Error('there is no record');
  return record;
}

const states = ({ machines }: SimulatedSite): readonly unknown[] => machines.map((machine) => machine.state({ exact: true }));
const seedsOf = (three: SimulatedSite, ...names: readonly string[]): readonly unknown[] =>
  names.map((name) => JSON.parse(three.machine(name).text('/etc/caisson/site.json')).site.seed);

describe('restore on another machine', () => {
  it('has another node take the place of a lost seed, which is refused when it comes back', async () => {
    const unreachable: string[] = [];
    const { three, file, old } = await site({ unreachable });
    const before = seedLayout(three.seedRoot);
    const [secrets, authorities] = [await treeOf(before.secrets), await treeOf(before.authorities)];
    const storeCertificate = await readFile(join(before.certificates, 'store-tls-m1.crt'));
    const config = three.machine('m1').text('/opt/sample/store.conf');

    unreachable.push('f1');
    await three.machine('f1').powerOff();
    const root = join(directory(), 'seed-of-f2');
    const moved = three.moveTo('f2', root);
    await expect(planRestore(restoreOptions(three, file, moved))).rejects.toMatchObject({
      code: 'SITE_CONFLICT',
      conflicts: [
        {
          problem: 'it is "f2", and the seed of this site is "f1" (10.0.0.12)',
          remedy: expect.stringContaining('add --new-seed'),
        },
      ],
    });
    const { next, seed } = await restore(restoreOptions(three, file, { ...moved, newSeed: true }), yes);
    expect({ seed, next }).toEqual({
      seed: 'f2',
      next: [
        'Where "f1" is lost for good: take it out of nodes in cluster.yaml, and add --forget f1 to the next run',
        'caisson install --offline --bundle FILE [--forget f1]',
      ],
    });

    await edit(three, (text) => text.replace(/^.*name: f1.*\n/m, ''));
    const run = { ...moved, forget: ['f1'] };
    expect((await three.install(run)).changed).toBeGreaterThan(0);
    expect((await three.install(run)).changed).toBe(0);
    const after = seedLayout(root);
    expect(await treeOf(after.secrets)).toEqual(secrets);
    expect(await treeOf(after.authorities)).toEqual(authorities);
    expect(await readFile(join(after.certificates, 'store-tls-m1.crt'))).toEqual(storeCertificate);
    expect(three.machine('m1').text('/opt/sample/store.conf')).toBe(config);
    expect(three.machine('m1').text('/etc/hosts')).toContain('10.0.0.13 depot.sample.internal');
    const record = await recordIn(root);
    expect({ seed: record.seed, hosts: Object.keys(record.hosts).sort() }).toEqual({ seed: 'f2', hosts: ['f2', 'm1'] });
    expect(record.hosts['f2']?.owned.map(({ key }) => key)).toContain('caisson-depot.service');
    expect(seedsOf(three, 'm1', 'f2')).toEqual(['f2', 'f2']);

    unreachable.splice(0);
    const left = states(three);
    const back = three.moveTo('f1', three.seedRoot);
    const changes = { ...back, clusterPath: old };
    await expect(three.install(changes)).rejects.toMatchObject({
      code: 'SITE_CONFLICT',
      conflicts: [
        {
          where: 'm1',
          problem: 'its seed is "f2" since 2026-01-01T00:00:00.000Z, and no longer this machine',
          remedy:
            'Run this on "f2". Where that machine is lost, make this one the seed again from a backup of it: caisson adopt --backup FILE',
        },
        { where: 'f2' },
      ],
    });
    expect(states(three)).toEqual(left);
  });

  it('is done when it is run again, later, before anything else; and refused once the new seed has changed the site', async () => {
    const { three, file } = await site();
    const root = join(directory(), 'seed-of-f2');
    const options = restoreOptions(three, file, { ...three.moveTo('f2', root), newSeed: true });
    const { next } = await restore(options, yes);
    const left = await treeOf(root);
    const clock = { ...three.options.clock, now: () => new Date(Date.UTC(2026, 1, 1)) };
    const again = await restore({ ...options, clock }, yes);
    expect(again.next).toEqual(next);
    expect(again.files.filter(({ action }) => action !== 'keep')).toEqual([]);
    expect(await treeOf(root)).toEqual(left);

    const store = openFileStore(seedLayout(root).record);
    const record = await recordIn(root);
    await store.write(record, record.revision);
    const changed = await treeOf(root);
    const reason = { problem: expect.stringContaining('changes to the site since then would be forgotten') };
    await expect(restore({ ...options, clock }, yes)).rejects.toMatchObject({ code: 'SITE_CONFLICT', conflicts: [reason] });
    expect(await treeOf(root)).toEqual(changed);
  });

  it('moves the depot away from a seed that stays a node, and back again', async () => {
    const { three, file, old } = await site();
    const root = join(directory(), 'seed-of-f2');
    const moved = three.moveTo('f2', root);
    await restore(restoreOptions(three, file, { ...moved, newSeed: true }), yes);
    // Only one of the simulated machines can have the port.
    await three.machine('f1').powerOff();
    await three.install(moved);
    expect((await three.install(moved)).changed).toBe(0);
    expect(three.machine('f1').units.has('caisson-depot.service')).toBe(false);
    expect(seedsOf(three, 'm1', 'f1', 'f2')).toEqual(['f2', 'f2', 'f2']);
    expect(await outcomeOf(three.install({ ...three.moveTo('f1', three.seedRoot), clusterPath: old }))).toContain(
      'Cannot change this site',
    );

    // With a backup of f2, f1 takes its place, although f1 still has its old record.
    const later = join(directory(), 'later.gpg');
    const clock = { ...three.options.clock, now: () => new Date(Date.UTC(2026, 1, 1)) };
    await backup(backupOptions(three, later, three.moveTo('f2', root)));
    const back = three.moveTo('f1', three.seedRoot);
    await restore(restoreOptions(three, later, { ...back, newSeed: true, clock }), yes);
    await three.machine('f2').powerOff();
    await three.install(back);
    expect((await three.install(back)).changed).toBe(0);
    expect(seedsOf(three, 'm1', 'f1', 'f2')).toEqual(['f1', 'f1', 'f1']);
    expect(await outcomeOf(three.install(three.moveTo('f2', root)))).toContain('its seed is "f1" since 2026-02-01');
  });

  it('has a machine beside the cluster take the place of a lost node', async () => {
    const unreachable: string[] = [];
    const { three, file } = await site({ unreachable });
    unreachable.push('f1');
    await three.machine('f1').powerOff();
    const root = join(directory(), 'seed-beside');
    const moved = three.moveTo('depot.sample.internal', root);
    // There is no simulated machine until the first run there.
    const machines = { ...moved.machines, isOwnAddress: (address: string) => address === '10.0.0.99' };
    const { next, seed } = await restore(restoreOptions(three, file, { machines, newSeed: true }), yes);
    expect(seed).toBe('depot.sample.internal');
    expect(next[0]).toBe('Write an address of this machine as depot.address in cluster.yaml');
    await edit(three, (text) => text.replace(/^.*name: f1.*\n/m, '').replace('depot: { ', 'depot: { address: 10.0.0.99, '));
    const run = { ...moved, forget: ['f1'] };
    await three.install(run);
    three.moveTo('depot.sample.internal', root);
    expect((await three.install(run)).changed).toBe(0);
    expect(three.machine('m1').text('/etc/hosts')).toContain('10.0.0.99 depot.sample.internal');
    expect(Object.keys((await recordIn(root)).hosts).sort()).toEqual(['depot.sample.internal', 'f2', 'm1']);
  });

  it('has a node take the place of a lost machine beside the cluster', async () => {
    const unreachable: string[] = [];
    const { three, file } = await site({ nodes: THREE_NODES, beside: '10.0.0.99', unreachable });
    unreachable.push('depot.sample.internal');
    await three.machine('depot.sample.internal').powerOff();
    const root = join(directory(), 'seed-of-m1');
    // m1 has its data.
    await mkdir(join(root, 'opt/sample/data'), { recursive: true });
    const moved = three.moveTo('m1', root);
    const { next } = await restore(restoreOptions(three, file, { ...moved, newSeed: true }), yes);
    expect(next).toEqual([
      'Take depot.address out of cluster.yaml: the seed is a node now',
      'Where "depot.sample.internal" is lost for good: add --forget depot.sample.internal to the next run',
      'caisson install --offline --bundle FILE [--forget depot.sample.internal]',
    ]);
    await edit(three, (text) => text.replace(', address: 10.0.0.99', ''));
    // The former seed is a host that leaves: it is not passed over.
    for (const unforgotten of [() => three.install(moved), () => reset({ ...three.options, ...moved, purge: true }, yes)]) {
      await expect(unforgotten()).rejects.toMatchObject({
        code: 'HOSTS_UNFIT',
        message: expect.stringContaining('add --forget depot.sample.internal'),
      });
    }
    const run = { ...moved, forget: ['depot.sample.internal'] };
    await three.install(run);
    expect((await three.install(run)).changed).toBe(0);
    expect(three.machine('f1').text('/etc/hosts')).toContain('10.0.0.11 depot.sample.internal');
    expect(Object.keys((await recordIn(root)).hosts).sort()).toEqual(['f1', 'f2', 'm1']);

    // All that the two seeds made on nodes is known to the second.
    await reset({ ...three.options, ...run, purge: true }, yes);
    for (const name of ['m1', 'f1', 'f2']) {
      const { files, units, packages, images } = three.machine(name);
      expect({ name, left: [...files.keys(), ...units.keys(), ...packages.keys(), ...images.keys()] }).toEqual({
        name,
        left: ['/etc/hosts'],
      });
    }
  });

  it('makes a machine the seed a second time, from a backup of before the first time', async () => {
    const { three, file } = await site();
    const root = join(directory(), 'seed-of-f2');
    const moved = three.moveTo('f2', root);
    await restore(restoreOptions(three, file, { ...moved, newSeed: true }), yes);
    await three.machine('f1').powerOff();
    await three.install(moved);
    // f2 is lost, too, and no backup of it was made.
    const second = join(directory(), 'seed-of-m1');
    const again = three.moveTo('m1', second);
    const clock = { ...three.options.clock, now: () => new Date(Date.UTC(2026, 1, 1)) };
    await restore(restoreOptions(three, file, { ...again, newSeed: true, clock }), yes);
    await three.machine('f2').powerOff();
    await three.install(again);
    expect((await three.install(again)).changed).toBe(0);
    expect(seedsOf(three, 'm1', 'f1', 'f2')).toEqual(['m1', 'm1', 'm1']);
  });
});

describe('a new seed that was killed in the middle of its first run', () => {
  it('goes on, and its record is made again when it is lost', async () => {
    const { three, file } = await site();
    const root = join(directory(), 'seed-of-f2');
    const moved = three.moveTo('f2', root);
    await restore(restoreOptions(three, file, { ...moved, newSeed: true }), yes);
    await three.machine('f1').powerOff();
    const emit = three.installer.dyingAfter((step) => step.endsWith('/claim'));
    await expect(three.install({ ...moved, emit })).rejects.toThrow();
    three.installer.death = undefined;
    const seeds = seedsOf(three, 'm1', 'f1', 'f2');
    expect(new Set(seeds)).toEqual(new Set(['f1', 'f2']));
    await rm(seedLayout(root).record);
    await three.install(moved);
    expect((await three.install(moved)).changed).toBe(0);
    expect(await recordIn(root)).toMatchObject({ seed: 'f2', seedSince: '2026-01-01T00:00:00.000Z' });
    expect(seedsOf(three, 'm1', 'f1', 'f2')).toEqual(['f2', 'f2', 'f2']);
  });
});
