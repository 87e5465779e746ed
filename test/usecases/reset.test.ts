import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { planReset, reset } from '../../src/usecases/index.ts';
import { failureOf } from '../support/hard-cases.ts';
import { inventory } from '../support/model/checks.ts';
import { type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);

const yes = async (): Promise<boolean> => true;

function names({ machines }: SimulatedSite): readonly (readonly string[])[] {
  return machines.map((machine) => [...inventory(machine)].sort());
}

async function installed(): Promise<{ readonly site: SimulatedSite; readonly bare: readonly (readonly string[])[] }> {
  const site = await samples.open();
  const bare = names(site);
  await site.install();
  return { site, bare };
}

/** What the site itself knows is enough. */
function bareOptions({ options }: SimulatedSite) {
  return { ...options, bundlePaths: undefined, clusterPath: undefined };
}

async function edit({ options }: SimulatedSite, change: (text: string) => string): Promise<void> {
  await writeFile(options.clusterPath, change(await readFile(options.clusterPath, 'utf8')));
}

describe('reset', () => {
  it('leaves the hosts as they were, and no record, keys or secrets on the seed, with --purge', async () => {
    const { site, bare } = await installed();
    await reset({ ...bareOptions(site), purge: true }, yes);
    expect(names(site)).toEqual(bare);
    const { record, authorities, secrets, certificates, bundles: kept } = seedLayout(site.seedRoot);
    expect([record, authorities, secrets, certificates, kept].filter((path) => existsSync(path))).toEqual([]);
  });

  it('keeps data, keys and secrets without --purge, and a new install uses them again', async () => {
    const { site } = await installed();
    const { secrets } = seedLayout(site.seedRoot);
    const secret = await readFile(join(secrets, 'store-root'), 'utf8');
    await reset(bareOptions(site), yes);
    expect(existsSync(seedLayout(site.seedRoot).record)).toBe(false);
    await site.install();
    expect(await readFile(join(secrets, 'store-root'), 'utf8')).toBe(secret);
    expect((await site.install()).changed).toBe(0);
  });

  it('keeps data that an install after it does not lose either, though they were there before that', async () => {
    const { site } = await installed();
    site.machine('m1').write('/opt/sample/data/rows', 'rows', 0o600, '1001:0');
    await reset(bareOptions(site), yes);
    await site.install();
    await edit(site, (text) => `${text}\nvariables: { root: /srv/sample }\n`);
    expect((await failureOf(site.install())).message).toContain('the data of store are in /opt/sample/data');
    await edit(site, (text) => text.replace('/srv/sample', '/opt/sample'));
    await reset({ ...bareOptions(site), purge: true }, yes);
    // To the second install they were there before.
    expect(site.machine('m1').text('/opt/sample/data/rows')).toBe('rows');
  });

  it('changes nothing with a plan alone, nor when it is not approved', async () => {
    const { site } = await installed();
    const before = names(site);
    expect((await planReset(bareOptions(site))).plan.steps.length).toBeGreaterThan(5);
    expect((await failureOf(reset(bareOptions(site), async () => false))).error).toMatchObject({ code: 'INTERRUPTED' });
    expect(names(site)).toEqual(before);
  });

  it.each([
    ['the keys are lost', ({ seedRoot }: SimulatedSite) => rm(seedLayout(seedRoot).authorities, { recursive: true })],
    ['the secrets are lost', ({ seedRoot }: SimulatedSite) => rm(seedLayout(seedRoot).secrets, { recursive: true })],
    ['another network is declared', (site: SimulatedSite) => edit(site, (text) => `${text}\nnetwork: { podCIDR: 10.30.0.0/16 }\n`)],
  ])('works where %s', async (_what, spoil) => {
    const { site, bare } = await installed();
    await spoil(site);
    await reset({ ...bareOptions(site), purge: true }, yes);
    expect(names(site)).toEqual(bare);
  });

  it('works where no component is healthy and no agent answers', async () => {
    const { site, bare } = await installed();
    for (const machine of site.machines) for (const unit of machine.units.values()) unit.started = undefined;
    await reset({ ...bareOptions(site), purge: true }, yes);
    expect(names(site)).toEqual(bare);
  });

  it('is refused for a cluster of another name', async () => {
    const { site } = await installed();
    const before = names(site);
    await edit(site, (text) => text.replace('name: sample', 'name: other'));
    expect((await failureOf(reset({ ...bareOptions(site), purge: true }, yes))).message).toContain('this site is "sample"');
    expect(names(site)).toEqual(before);
  });
});
