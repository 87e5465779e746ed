import { existsSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planBundle } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { openFileStore, seedLayout, stagedBundleName, upstreamSettingsPath, type SiteRecord } from '../../src/site/index.ts';
import { install, planInstall, type OnlineRequest, type OperationOptions } from '../../src/usecases/index.ts';
import { sampleBundle } from '../support/sample-install.ts';
import type { SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const sites = useSampleSites(directory);
const plan = planBundle(sampleBundle().input);
const UPSTREAM = '{ "mirrors": ["docker.io=http://mirror.example"] }\n';
const DEPOT_UNIT = '/etc/systemd/system/caisson-depot.service';

const online: OnlineRequest = { begin: { plan, files: new Map() }, upstream: { text: UPSTREAM, replaces: true } };
/** Neither bundle nor cluster.yaml is named. */
const nothingNamed = { bundlePaths: undefined, clusterPath: undefined };

async function onlineSite(): Promise<SimulatedSite> {
  const site = await sites.open();
  await site.install({ bundlePaths: undefined, supply: online });
  return site;
}

function stagedPath(site: SimulatedSite): string {
  return join(seedLayout(site.seedRoot).bundles, stagedBundleName(plan));
}

async function recordOf(site: SimulatedSite): Promise<SiteRecord | undefined> {
  return openFileStore(seedLayout(site.seedRoot).record).read();
}

function unitOf(site: SimulatedSite): string {
  return site.machine('m1').files.get(DEPOT_UNIT)?.content.toString() ?? '';
}

/** The resources that a run would change: host, owner and key. */
async function changesOf(site: SimulatedSite, changes: Partial<OperationOptions>): Promise<readonly string[]> {
  const { plan: planned } = await planInstall({ ...site.options, ...changes });
  return planned.changes.flatMap((change) => {
    if (change.action === 'keep') return [];
    const { kind, owner } = change.owned;
    return [`${change.action} ${change.action === 'remove' ? change.host : change.resource.host} ${owner} ${kind}`];
  });
}

describe('an install that is supplied online', () => {
  it('makes the same cluster from the lock, and fetches nothing itself', async () => {
    const site = await onlineSite();
    expect(existsSync(`${stagedPath(site)}.partial`)).toBe(true);
    expect(existsSync(stagedPath(site))).toBe(false);
    expect(unitOf(site)).toContain(`serve ${stagedPath(site)} --online --upstream ${upstreamSettingsPath(seedLayout(site.seedRoot))} `);
    expect(unitOf(site)).toContain(`ReadWritePaths=${seedLayout(site.seedRoot).bundles}`);
    expect(site.machine('m1').files.get(upstreamSettingsPath(seedLayout(site.seedRoot)))).toMatchObject({
      mode: 0o600,
      content: Buffer.from(UPSTREAM),
    });
  });

  it('records how the site is supplied and by which lock, and shows the lock with the plan', async () => {
    const site = await onlineSite();
    const lock = digestOf('{}\n');
    const bundle = { name: 'sample', version: '1.2', digest: plan.bundleDigest, supply: 'online', lock };
    expect(await recordOf(site)).toMatchObject({ bundle, operations: [{ bundle, outcome: 'done' }] });
    const planned = await planInstall({ ...site.options, ...nothingNamed });
    expect(planned.notes).toEqual([`Supplied online: the depot fetches what hosts ask for, as lock ${lock} has it`]);
  });

  it('goes on in the same way when neither lock nor bundle is named', async () => {
    const site = await onlineSite();
    expect((await install({ ...site.options, ...nothingNamed }, async () => true)).changed).toBe(0);
    expect((await site.install({ ...nothingNamed, supply: {} })).changed).toBe(0);
    expect(await recordOf(site)).toMatchObject({ bundle: { supply: 'online' } });
  });

  it('goes from online to offline and back, and changes how the depot is supplied and nothing else', async () => {
    const site = await onlineSite();
    const others = () => ['f1', 'f2'].map((name) => site.machine(name).state());
    const before = others();
    expect(new Set(await changesOf(site, { supply: 'offline' }))).toEqual(
      new Set(['add m1 caisson-seed bundle', 'change m1 caisson-seed file', 'change m1 caisson-seed unit', 'remove m1 caisson-seed file']),
    );
    await site.install({ supply: 'offline' });
    expect(existsSync(stagedPath(site))).toBe(true);
    expect(existsSync(`${stagedPath(site)}.partial`)).toBe(false);
    expect(existsSync(`${stagedPath(site)}.partial.journal`)).toBe(false);
    expect(unitOf(site)).not.toContain('--online');
    expect((await recordOf(site))?.bundle).toEqual({ name: 'sample', version: '1.2', digest: plan.bundleDigest });
    expect((await site.install(nothingNamed)).changed).toBe(0);

    expect(new Set(await changesOf(site, { bundlePaths: undefined, supply: online }))).toEqual(
      new Set(['add m1 caisson-seed file', 'change m1 caisson-seed file', 'change m1 caisson-seed unit']),
    );
    await site.install({ bundlePaths: undefined, supply: online });
    expect(unitOf(site)).toContain('--online');
    expect((await recordOf(site))?.bundle).toMatchObject({ supply: 'online' });
    expect((await site.install({ bundlePaths: undefined, supply: online })).changed).toBe(0);
    expect(others()).toEqual(before);
  });

  it('goes offline without another bundle once the depot has fetched all of it, and not before', async () => {
    const site = await onlineSite();
    await expect(planInstall({ ...site.options, ...nothingNamed, supply: 'offline' })).rejects.toMatchObject({
      code: 'BUNDLE_INCOMPLETE',
      hint: expect.stringContaining('--offline --bundle'),
    });
    await copyFile(sites.bundle(), stagedPath(site));
    await site.install({ ...nothingNamed, supply: 'offline' });
    expect(unitOf(site)).not.toContain('--online');
  });

  it('keeps the settings for upstream, unless others are named', async () => {
    const site = await onlineSite();
    const other = { text: '{ "mirrors": [] }\n', replaces: false };
    expect(await changesOf(site, { ...nothingNamed, supply: { upstream: other } })).toEqual([]);
    expect(await changesOf(site, { ...nothingNamed, supply: { upstream: { ...other, replaces: true } } })).toEqual([
      'change m1 caisson-seed file',
      'change m1 caisson-seed unit',
    ]);
    site.machine('m1').files.delete(upstreamSettingsPath(seedLayout(site.seedRoot)));
    await expect(planInstall({ ...site.options, ...nothingNamed })).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      hint: expect.stringContaining('--lock'),
    });
  });

  it('is refused where signers are named, because a lock has no signature', async () => {
    const site = await sites.open();
    const allowedSigners = join(directory(), 'signers');
    await writeFile(allowedSigners, '');
    await expect(planInstall({ ...site.options, bundlePaths: undefined, supply: online, trust: { allowedSigners } })).rejects.toMatchObject(
      { code: 'SIGNATURE_MISSING' },
    );
  });
});
