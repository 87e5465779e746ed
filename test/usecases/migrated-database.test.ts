import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { failureOf, HARD_IMAGES, hardManifests, hardSite, type HardSite } from '../support/hard-cases.ts';
import { writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
let bundles: string;
let older: string;
let newer: string;
const sites: HardSite[] = [];

beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'caisson-hard-'));
  const write = (database: string): Promise<string> =>
    writeSampleBundle(join(bundles, `${database}.tar`), { manifests: hardManifests({ database }), images: HARD_IMAGES, version: database });
  older = await write('1');
  newer = await write('2');
});
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.end()));
});
afterAll(() => rm(bundles, { recursive: true, force: true }));

const NODES: readonly SampleNode[] = [
  { name: 'n1', address: '10.0.0.11', roles: ['data'] },
  { name: 'n2', address: '10.0.0.12', roles: ['front'] },
];

async function installed(): Promise<HardSite> {
  const site = await hardSite(directory(), older, NODES);
  sites.push(site);
  await site.run();
  site.takeRestarts();
  return site;
}

describe('a database that is initialised once and migrated', () => {
  it('is initialised after its first gate, before what needs it starts, and never migrated then', async () => {
    const site = await installed();
    const log = site.platform.takeLog();
    const at = (line: string): number => log.indexOf(line);
    expect(at('check-components/n1/db')).toBeLessThan(at('n1: dbctl init'));
    expect(at('n1: dbctl init')).toBeLessThan(at('start-components/n2/app-start'));
    expect(site.platform.migrations).toEqual([]);
    expect((await site.run()).changed).toBe(0);
    expect(site.platform.initialised).toBe(1);
  });

  it('is not initialised again after the record was lost', async () => {
    const site = await installed();
    await rm(seedLayout(site.seedRoot).record);
    await site.run();
    expect(site.platform.initialised).toBe(1);
    expect((await site.record()).actions).toEqual([expect.objectContaining({ component: 'db', action: 'init' })]);
  });

  it('is migrated from the new image before anything else of the upgrade, and only then restarted', async () => {
    const site = await installed();
    site.platform.takeLog();
    await site.take(newer);
    await site.run();
    const log = site.platform.takeLog();
    const at = (line: string): number => log.indexOf(line);
    const order = ['n1: registry.example/db:2 migrate', 'start-components/n1/db-start', 'check-components/n1/db'].map(at);
    expect(order).toEqual([...order].sort((left, right) => left - right));
    expect(order[0]).toBeLessThan(at('configure-components/n2/app-configure'));
    expect(order[2]).toBeLessThan(at('start-components/n2/app-start'));
    expect(site.platform.migrations).toEqual(['2']);
    expect((await site.run()).changed).toBe(0);
  });

  it('serves on in the old version when its migration fails, and nothing that needs it is touched', async () => {
    const site = await installed();
    const before = {
      db: site.definitions('db')['n1'],
      app: site.definitions('app')['n2'],
      conf: site.machine('n2').text('/opt/sample/app.conf'),
    };
    await site.take(newer);
    site.platform.failsMigration = true;
    const { error, message } = await failureOf(site.run());
    expect(error).toMatchObject({ code: 'INSTALL_FAILED', exitStatus: 6, cause: { code: 'ACTION_FAILED' } });
    expect(message).toContain('Cannot bring the tables to the new version for "db" on "n1"');
    expect(message).toContain('run the same command again once it can succeed');
    const machine = site.machine('n2');
    expect({ db: site.definitions('db')['n1'], app: site.definitions('app')['n2'], conf: machine.text('/opt/sample/app.conf') }).toEqual(
      before,
    );
    expect(site.takeRestarts().filter((line) => /db|app/.test(line))).toEqual([]);
    expect(site.machine('n1').images.has('registry.example/db:1')).toBe(true);
    site.platform.failsMigration = false;
    await site.run();
    expect(site.platform.migrations).toEqual(['2']);
    expect(site.definitions('db')['n1']).toContain('registry.example/db:2');
    expect(
      site
        .takeRestarts()
        .filter((line) => /db|app/.test(line))
        .sort(),
    ).toEqual(['n1 db.service', 'n2 app.service']);
    expect(site.platform.initialised).toBe(1);
    expect((await site.run()).changed).toBe(0);
  });

  it('serves on also where the host gets something new in the same run', async () => {
    const site = await installed();
    await site.take(newer);
    await site.declare(NODES.map((node) => (node.name === 'n1' ? { ...node, roles: ['data', 'control'] } : node)));
    site.platform.failsMigration = true;
    await failureOf(site.run());
    expect(site.machine('n1').images.has('registry.example/db:1')).toBe(true);
    expect(site.takeRestarts().filter((line) => /db|app/.test(line))).toEqual([]);
  });

  it('runs its migration with an input, and removes what a killed run left of it', async () => {
    const site = await installed();
    await site.take(newer);
    const { lines } = site.machine('n1');
    await site.run();
    const at = lines.findIndex((line) => line.startsWith('docker run --rm'));
    expect(lines[at]).toContain('--interactive --name db-migrate-n1');
    expect(lines[at - 1]).toContain('db-migrate-n1');
  });

  it('is migrated again when it goes back and forth between versions', async () => {
    const site = await installed();
    for (const bundle of [newer, older, newer]) {
      await site.take(bundle);
      await site.run();
    }
    expect(site.platform.migrations).toEqual(['2', '1', '2']);
  });

  it('is migrated when the record was lost before the upgrade', async () => {
    const site = await installed();
    await rm(seedLayout(site.seedRoot).record);
    await site.take(newer);
    await site.run();
    expect(site.platform.migrations).toEqual(['2']);
  });
});
