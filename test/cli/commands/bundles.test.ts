import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { seedLayout } from '../../../src/site/index.ts';
import { takeInstallLock } from '../../../src/usecases/install-lock.ts';
import { upgrade } from '../../../src/usecases/index.ts';
import { filesOnSeed, knowLinks, writeLink, type Link } from '../../support/bundle-chain.ts';
import { useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { failureOf } from '../../support/hard-cases.ts';
import { ONE_NODE } from '../../support/sample-install.ts';
import { useSharedTempDir, useTempDir } from '../../support/temp-dir.ts';

const shared = useSharedTempDir();
const directory = useTempDir();
const sites = useCommandSites(directory);
const yes = async (): Promise<boolean> => true;

let full: Link;
let delta: Link;
let other: Link;
beforeAll(async () => {
  full = await writeLink(shared(), '1');
  delta = await writeLink(shared(), '2', [full]);
  other = await writeLink(shared(), '3');
});

/** A site that was installed from a full bundle and upgraded to a delta on it. */
async function upgraded(): Promise<CommandSite> {
  const command = await sites.bare(ONE_NODE);
  const { site } = command;
  knowLinks(site, [full, delta, other]);
  await site.install({ bundlePaths: [full.path] });
  await upgrade({ ...site.options, bundlePaths: [delta.path] }, yes);
  return command;
}

function placeOf({ site }: CommandSite, name: string): string {
  return join(seedLayout(site.seedRoot).bundles, name);
}

interface Listed {
  readonly version?: string;
  readonly state: string;
  readonly keptAs: readonly string[];
}

async function listed({ run }: CommandSite): Promise<readonly Listed[]> {
  const { bundles } = JSON.parse((await run(['bundles', '--json'])).out) as { readonly bundles: readonly Listed[] };
  return bundles.map(({ version = '-', state, keptAs }) => ({ version, state, keptAs }));
}

describe('caisson bundles', () => {
  it('lists the bundles of the seed with what each is kept for', async () => {
    const command = await upgraded();
    const { out, status } = await command.run(['bundles']);
    expect(status).toBe(0);
    const [head = '', ...rows] = out.trim().split('\n');
    expect(head.trim().split(/\s{2,}/)).toEqual(['NAME', 'VERSION', 'DIGEST', 'SIZE', 'KEPT AS', 'STATE', 'ACCEPTED', 'COPIES']);
    expect(rows.map((row) => row.trim().split(/\s{2,}/)).map(([name, version, , , ...rest]) => [name, version, ...rest])).toEqual([
      ['sample', '1', 'before, base of sample 2', 'whole', 'unsigned', '-'],
      ['sample', '2', 'in force', 'whole', 'unsigned', '-'],
    ]);
  });

  it('names bundles that are gone, damaged, or copied by a run that did not end well', async () => {
    const command = await upgraded();
    await rm(placeOf(command, full.name));
    await writeFile(placeOf(command, delta.name), 'not a bundle');
    await writeFile(placeOf(command, `${other.name}.copy`), 'the first bytes');
    await writeFile(placeOf(command, 'notes.txt'), 'not of Caisson');
    expect(await listed(command)).toEqual([
      { version: '-', state: 'damaged', keptAs: ['in force'] },
      { version: '-', state: 'copying', keptAs: [] },
      { version: '1', state: 'gone', keptAs: ['before'] },
    ]);
  });

  it('names a base that is gone', async () => {
    const command = await sites.bare(ONE_NODE);
    const { site } = command;
    knowLinks(site, [full, delta]);
    await site.install({ bundlePaths: [delta.path, full.path] });
    await rm(placeOf(command, full.name));
    expect(await listed(command)).toEqual([
      { version: '2', state: 'whole', keptAs: ['in force'] },
      { version: '1', state: 'gone', keptAs: ['base of sample 2'] },
    ]);
  });

  it('says on a machine without bundles that it has none', async () => {
    const { told } = await sites.bare(ONE_NODE);
    expect(await told(['bundles'])).toBe('[stdout]\nThis machine has no bundles\n[status 0]');
  });
});

describe('caisson bundles prune', () => {
  it('removes what neither the bundle in force nor the one before needs, and no file of another name', async () => {
    const command = await upgraded();
    await copyFile(other.path, placeOf(command, other.name));
    await writeFile(placeOf(command, `${delta.name}.copy`), 'of a run that was killed');
    await writeFile(placeOf(command, 'notes.txt'), 'not of Caisson');
    const before = await filesOnSeed(command.site);
    const { out } = await command.run(['bundles', 'prune', '--plan']);
    expect(out.trim().split('\n')).toEqual([`- ${placeOf(command, `${delta.name}.copy`)}`, `- ${placeOf(command, other.name)}`]);
    expect(await command.run(['bundles', 'prune'])).toMatchObject({ status: 2, err: expect.stringContaining('--yes') });
    expect(await filesOnSeed(command.site)).toEqual(before);
    expect(await command.run(['bundles', 'prune', '--yes'])).toMatchObject({ status: 0 });
    expect(await filesOnSeed(command.site)).toEqual([full.name, 'notes.txt', delta.name].sort());
    expect((await command.run(['bundles', 'prune', '--yes'])).out).toContain('Every bundle of this seed is needed');
  });

  it('is refused after a run to another bundle that did not end well, during a run, and where no site is', async () => {
    const command = await upgraded();
    const { site, run } = command;
    const emit = site.installer.dyingAfter((step) => step.startsWith('stage-bundle'));
    await failureOf(upgrade({ ...site.options, bundlePaths: [other.path], emit }, yes));
    site.installer.death = undefined;
    const before = await filesOnSeed(site);
    expect(await run(['bundles', 'prune', '--yes'])).toMatchObject({ status: 6, err: expect.stringContaining('caisson rollback') });
    expect((await listed(command)).map(({ keptAs }) => keptAs)).toContainEqual(['of the run that did not end well']);
    expect(await filesOnSeed(site)).toEqual(before);
    const release = await takeInstallLock(seedLayout(site.seedRoot).lock);
    expect(await run(['bundles', 'prune', '--yes'])).toMatchObject({ status: 7 });
    await release();
    await rm(seedLayout(site.seedRoot).record);
    expect(await run(['bundles', 'prune', '--yes'])).toMatchObject({ status: 3, err: expect.stringContaining('no record') });
  });
});
