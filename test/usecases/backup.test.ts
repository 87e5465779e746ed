import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { backup, planRestore, restore, type BackupOptions, type RestoreOptions } from '../../src/usecases/index.ts';
import { clusterYaml, THREE_NODES, writeSampleBundle } from '../support/sample-install.ts';
import { outcomeOf, simulatedSite, type SimulatedSite, type SiteOptions } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';

const PASSPHRASE = 'correct horse battery staple';
const directory = useTempDir();
let bundles: string;
let bundle: string;
const sites: SimulatedSite[] = [];

beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'caisson-backup-'));
  bundle = await writeSampleBundle(join(bundles, 'sample.tar'));
});
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.end()));
});
afterAll(() => rm(bundles, { recursive: true, force: true }));

async function site(options: Partial<SiteOptions> = {}): Promise<SimulatedSite> {
  const made = await simulatedSite({ directory: directory(), bundle, nodes: THREE_NODES, ...options });
  sites.push(made);
  return made;
}

function backupOptions({ options }: SimulatedSite, changes: Partial<BackupOptions> = {}): BackupOptions {
  const { clock, signal, machines, connect } = options;
  return {
    output: join(directory(), 'backup.gpg'),
    seal: { passphrase: PASSPHRASE },
    home: connect.home,
    clock,
    signal,
    ...(machines === undefined ? {} : { machines }),
    ...changes,
  };
}

function restoreOptions({ options, machines }: SimulatedSite, changes: Partial<RestoreOptions> = {}): RestoreOptions {
  const { clock, signal } = options;
  return {
    file: join(directory(), 'backup.gpg'),
    opener: { passphrase: PASSPHRASE },
    clock,
    signal,
    isOwnAddress: (address) => machines.some((machine) => machine.local && machine.address === address),
    ...(options.machines === undefined ? {} : { machines: options.machines }),
    ...changes,
  };
}

const yes = async (): Promise<boolean> => true;

/** All files below a directory with their modes and bytes. */
async function treeOf(root: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files
        .sort()
        .map(async (path): Promise<[string, string]> => [
          path.slice(root.length),
          `${((await stat(path)).mode & 0o777).toString(8)} ${(await readFile(path)).toString('base64')}`,
        ]),
    ),
  );
}

describe('a lost seed', () => {
  // The first machine is the seed: a front, so that no data are lost with it.
  const NODES = ['f1', 'm1', 'f2'].map((name) => THREE_NODES.find((node) => node.name === name) ?? THREE_NODES[0]!);

  it('is replaced by another node, and refused when it comes back', async () => {
    const unreachable: string[] = [];
    const three = await site({ nodes: NODES, unreachable });
    await three.install();
    const before = seedLayout(three.seedRoot);
    await backup(backupOptions(three));
    const secrets = await treeOf(before.secrets);
    const authorities = await treeOf(before.authorities);
    const config = three.machine('m1').text('/opt/sample/store.conf');

    // f1 is gone; f2 takes its place.
    unreachable.push('f1');
    await three.machine('f1').powerOff();
    const root = join(directory(), 'seed-of-f2');
    const moved = three.moveTo('f2', root);
    await expect(planRestore(restoreOptions(three, moved))).rejects.toMatchObject({
      code: 'SITE_CONFLICT',
      message: expect.stringContaining('it is "f2", and the seed of this site is "f1" (10.0.0.12)'),
    });
    const { next, seed } = await restore(restoreOptions(three, { ...moved, newSeed: true }), yes);
    expect(seed).toBe('f2');
    expect(next).toEqual([
      'Where "f1" is lost for good: take it out of nodes in cluster.yaml, and add --forget f1 to the next run',
      'caisson install --offline --bundle FILE [--forget f1]',
    ]);
    const after = seedLayout(root);
    expect(await treeOf(after.secrets)).toEqual(secrets);
    expect(await treeOf(after.authorities)).toEqual(authorities);

    const clusterText = (await readFile(three.options.clusterPath, 'utf8')).replace(/^.*name: f1.*\n/m, '');
    await copyFile(three.options.clusterPath, join(directory(), 'old.yaml'));
    await writeFile(three.options.clusterPath, clusterText);
    const run = { ...moved, forget: ['f1'] };
    expect((await three.install(run)).changed).toBeGreaterThan(0);
    expect((await three.install(run)).changed).toBe(0);
    expect(await treeOf(after.secrets)).toEqual(secrets);
    expect(await treeOf(after.authorities)).toEqual(authorities);
    expect(three.machine('m1').text('/opt/sample/store.conf')).toBe(config);
    expect(three.machine('f2').files.has('/etc/systemd/system/caisson-depot.service')).toBe(true);
    expect(three.machine('m1').text('/etc/hosts')).toContain('10.0.0.13 depot.sample.internal');
    const record = JSON.parse(await readFile(after.record, 'utf8')) as { seed: string; hosts: Record<string, unknown> };
    expect({ seed: record.seed, hosts: Object.keys(record.hosts).sort() }).toEqual({ seed: 'f2', hosts: ['f2', 'm1'] });
    for (const name of ['m1', 'f2']) {
      expect(JSON.parse(three.machine(name).text('/etc/caisson/site.json'))).toMatchObject({ site: { seed: 'f2' } });
    }

    // f1 comes back, with all that it knew.
    unreachable.splice(0);
    const states = three.machines.map((machine) => machine.state({ exact: true }));
    const back = three.moveTo('f1', three.seedRoot);
    const old = join(directory(), 'old.yaml');
    const refused = await three.install({ ...back, clusterPath: old }).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'SITE_CONFLICT',
      conflicts: [
        { where: 'm1', problem: 'its seed is "f2" since 2026-01-01T00:00:00.000Z, and no longer this machine' },
        { where: 'f2' },
      ],
    });
    expect(three.machines.map((machine) => machine.state({ exact: true }))).toEqual(states);
  });
});
