import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { install, planInstall, planRollback, planUpgrade, rollback, upgrade } from '../../src/usecases/index.ts';
import { failureOf, HARD_IMAGES, hardSite, type HardSite } from '../support/hard-cases.ts';
import { DATABASE_NODES, useDatabaseSites, useTwoReleases, writeDatabaseRelease } from '../support/database-sites.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const releases = useTwoReleases();
const ending = useEnding<HardSite>();
const { bare: bareSite, installed } = useDatabaseSites(directory, releases);
const yes = async (): Promise<boolean> => true;

/** The site's options without files: what the site itself knows is used. */
function bare({ options }: HardSite) {
  return { ...options, bundlePaths: undefined, clusterPath: undefined };
}

function stop(site: HardSite, host: string, name: string): void {
  const unit = site.machine(host).units.get(name);
  if (unit === undefined) throw new Error(`${host} has no ${name}`);
  unit.started = undefined;
}

async function upgraded(): Promise<HardSite> {
  const site = await installed();
  await site.take(releases().newer);
  await upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes);
  return site;
}

describe('a run with an engine that restarts', () => {
  it('starts a component that a person stopped, which no restart of the engine can bring back', async () => {
    const site = await installed();
    stop(site, 'n1', 'db.service');
    const machine = site.machine('n1');
    machine.write('/etc/docker/daemon.json', '{}', 0o644);
    await install(site.options, yes);
    expect(machine.units.get('db.service')?.started).toBeDefined();
  });
});

describe('a run without files', () => {
  it('takes the bundle that is installed and the cluster.yaml of the last run', async () => {
    const site = await installed();
    expect((await install(bare(site), yes)).changed).toBe(0);
    const record = await site.record();
    expect(record.cluster).toMatchObject({ path: site.options.clusterPath });
    expect(record.bundle).toMatchObject({ version: '1' });
  });

  it('is refused on a machine without a record, with the way to name the files', async () => {
    const site = await bareSite();
    const { error } = await failureOf(planInstall(bare(site)));
    const hint = expect.stringContaining('name the files with --bundle and --cluster');
    expect(error).toMatchObject({ code: 'SITE_UNKNOWN', exitStatus: 3, hint });
  });

  it('is refused after an upgrade that failed, because either bundle may be meant', async () => {
    const site = await installed();
    await site.take(releases().newer);
    site.platform.failsMigration = true;
    await failureOf(upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes));
    const { error, message } = await failureOf(planInstall(bare(site)));
    expect(error).toMatchObject({ code: 'RUN_UNFINISHED', exitStatus: 6, hint: expect.stringContaining('caisson rollback') });
    expect(message).toContain('the last run was to install sample 2, and it did not end well');
  });
});

describe('an upgrade', () => {
  it('goes over to the bundle, and keeps the one before', async () => {
    const site = await upgraded();
    expect(site.platform.migrations).toEqual(['2']);
    const record = await site.record();
    expect(record).toMatchObject({ bundle: { version: '2' }, previous: { version: '1' } });
    expect(record.operations.at(-1)).toMatchObject({ operation: 'upgrade', outcome: 'done', bundle: { version: '2' } });
    expect((await readdir(seedLayout(site.seedRoot).bundles)).length).toBe(2);
    expect((await install(bare(site), yes)).changed).toBe(0);
  });

  it('shows what it would do and changes nothing with a plan alone', async () => {
    const site = await installed();
    await site.take(releases().newer);
    const { plan } = await planUpgrade({ ...bare(site), bundlePaths: [releases().newer] });
    expect(plan.steps.filter(({ type }) => type === 'action').map(({ id }) => id)).toEqual(['actions/n1/db-migrate']);
    expect((await site.record()).bundle).toMatchObject({ version: '1' });
  });

  it('is refused while a component is not healthy or an agent is silent, and nothing is changed', async () => {
    const site = await installed();
    await site.take(releases().newer);
    const before = site.machines.map((machine) => machine.state());
    site.machine('n2').sick.add('app');
    const { error, message } = await failureOf(upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes));
    expect(error).toMatchObject({ code: 'SITE_CONFLICT', exitStatus: 6 });
    expect(message).toContain('n2: app is unhealthy: no image');
    stop(site, 'n2', 'caisson-agent.service');
    expect((await failureOf(upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes))).message).toContain(
      'n2: its agent does not answer',
    );
    expect((await site.record()).bundle).toMatchObject({ version: '1' });
    expect(site.machine('n1').state()).toEqual(before[0]);
  });

  it('goes on after a failure without asking for health again', async () => {
    const site = await installed();
    await site.take(releases().newer);
    site.platform.failsMigration = true;
    await failureOf(upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes));
    site.platform.failsMigration = false;
    stop(site, 'n2', 'caisson-agent.service');
    await upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes);
    expect((await site.record()).bundle).toMatchObject({ version: '2' });
  });

  it('is refused from a version that the bundle does not follow', async () => {
    const site = await installed();
    const picky = await writeDatabaseRelease(directory(), '2', {
      name: 'picky',
      platform: (text) => `${text}\nupgradesFrom: ['1.5', '2.*']\n`,
    });
    await site.take(picky);
    const { message } = await failureOf(upgrade({ ...bare(site), bundlePaths: [picky] }, yes));
    expect(message).toContain('it upgrades 1.5, 2.* only, and 1 is installed');
    const open = await writeDatabaseRelease(directory(), '2', { name: 'open', platform: (text) => `${text}\nupgradesFrom: ['1*']\n` });
    await site.take(open);
    await upgrade({ ...bare(site), bundlePaths: [open] }, yes);
  });

  it('is refused where a host has no room for the images beside those that are there, and a repair is not', async () => {
    // Its images have one of the two layers that those of the newer release have.
    const older = await writeDatabaseRelease(directory(), '1', { name: 'small', otherImages: HARD_IMAGES });
    const site = ending(await hardSite(directory(), older, DATABASE_NODES));
    await site.run();
    await site.take(releases().newer);
    site.machine('n1').facts = { 'filesystem /var/lib/docker': '/dev/vdb1 500000000000 1 0 99% /var/lib/docker' };
    expect((await install(bare(site), yes)).changed).toBe(0);
    const { error, message } = await failureOf(upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes));
    expect(error).toMatchObject({ code: 'HOSTS_UNFIT' });
    expect(message).toMatch(/n1: \/var\/lib\/docker has 0 B free, want .* for images\)/);
    expect(message).toMatch(/Free or add .* on \/var\/lib\/docker; until the run has ended well/);
    expect(message).not.toContain('n2:');
    expect((await site.record()).bundle).toMatchObject({ version: '1' });
  });

  it('is refused where nothing is installed', async () => {
    const site = await bareSite();
    const { message } = await failureOf(upgrade(site.options, yes));
    expect(message).toContain('nothing is installed yet that could be upgraded');
  });
});

describe('a rollback', () => {
  it('goes back to the bundle before without a migration, and says that the migration stays', async () => {
    const site = await upgraded();
    site.platform.takeLog();
    expect((await planRollback(bare(site))).notes).toEqual([
      'Is not taken back: what "migrate" of db did to its data for the version that goes',
    ]);
    await rollback(bare(site), yes);
    expect(site.platform.migrations).toEqual(['2']);
    expect(site.definitions('db')['n1']).toContain('registry.example/db:1');
    expect(await site.record()).toMatchObject({ bundle: { version: '1' }, previous: { version: '2' } });
    expect((await install(bare(site), yes)).changed).toBe(0);
  });

  it('can be taken back, with the migration', async () => {
    const site = await upgraded();
    await rollback(bare(site), yes);
    await upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes);
    expect(site.platform.migrations).toEqual(['2', '2']);
    expect(site.definitions('db')['n1']).toContain('registry.example/db:2');
  });

  it('goes back from an upgrade that failed to the bundle in force', async () => {
    const site = await installed();
    const before = site.definitions('db');
    await site.take(releases().newer);
    site.platform.failsMigration = true;
    await failureOf(upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes));
    await rollback(bare(site), yes);
    expect(site.definitions('db')).toEqual(before);
    expect((await site.record()).bundle).toMatchObject({ version: '1' });
    expect((await install(bare(site), yes)).changed).toBe(0);
    expect(existsSync(join(seedLayout(site.seedRoot).bundles))).toBe(true);
    expect((await readdir(seedLayout(site.seedRoot).bundles)).length).toBe(1);
  });

  it('goes on where it was killed, and not forward again', async () => {
    const site = await upgraded();
    const emit = site.installer.dyingAfter((step) => step.endsWith('/claim'));
    await failureOf(rollback({ ...bare(site), emit }, yes));
    site.installer.death = undefined;
    expect((await site.record()).bundle).toMatchObject({ version: '2' });
    await rollback(bare(site), yes);
    expect((await site.record()).bundle).toMatchObject({ version: '1' });
    expect(site.platform.migrations).toEqual(['2']);
  });

  it('is refused where there is nothing to go back to, and where the copy of the bundle is gone', async () => {
    const site = await installed();
    expect((await failureOf(rollback(bare(site), yes))).message).toContain('there is no bundle to go back to');
    await site.take(releases().newer);
    await upgrade({ ...bare(site), bundlePaths: [releases().newer] }, yes);
    const { bundles: directoryOfBundles } = seedLayout(site.seedRoot);
    for (const name of await readdir(directoryOfBundles)) if (name.includes('-1-')) await rm(join(directoryOfBundles, name));
    const { error, message } = await failureOf(rollback(bare(site), yes));
    expect(message).toContain("the seed's copy of bundle sample 1");
    expect(error).toMatchObject({
      hint: 'Carry the bundle to the seed again and name it: caisson install --offline --bundle FILE; where a node is down, first: caisson node up NAME --bundle FILE',
    });
  });
});
