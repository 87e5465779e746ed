import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { failureOf } from '../support/hard-cases.ts';
import { DATABASE_NODES, useDatabaseSites, useTwoReleases } from '../support/database-sites.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const releases = useTwoReleases();
const { installed } = useDatabaseSites(directory, releases);

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
    await site.take(releases().newer);
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
    await site.take(releases().newer);
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
    await site.take(releases().newer);
    await site.declare(DATABASE_NODES.map((node) => (node.name === 'n1' ? { ...node, roles: ['data', 'control'] } : node)));
    site.platform.failsMigration = true;
    await failureOf(site.run());
    expect(site.machine('n1').images.has('registry.example/db:1')).toBe(true);
    expect(site.takeRestarts().filter((line) => /db|app/.test(line))).toEqual([]);
  });

  it('runs its migration with an input, and removes what a killed run left of it', async () => {
    const site = await installed();
    await site.take(releases().newer);
    const { lines } = site.machine('n1');
    await site.run();
    const at = lines.findIndex((line) => line.startsWith('docker run --rm'));
    expect(lines[at]).toContain('--interactive --name db-migrate-n1');
    expect(lines[at - 1]).toContain('db-migrate-n1');
  });

  it('is migrated again when it goes back and forth between versions', async () => {
    const site = await installed();
    for (const bundle of [releases().newer, releases().older, releases().newer]) {
      await site.take(bundle);
      await site.run();
    }
    expect(site.platform.migrations).toEqual(['2', '1', '2']);
  });

  it('is migrated when the record was lost before the upgrade', async () => {
    const site = await installed();
    await rm(seedLayout(site.seedRoot).record);
    await site.take(releases().newer);
    await site.run();
    expect(site.platform.migrations).toEqual(['2']);
  });
});
