import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BundleWriter, missingMembers, planBundle, type BundlePlan } from '../../src/bundle/index.ts';
import { silent, type Digest, type Event } from '../../src/core/index.ts';
import { seedLayout, stagedBundleName, upstreamSettingsPath } from '../../src/site/index.ts';
import {
  backup,
  planRollback,
  planUpgrade,
  rollback,
  upgrade,
  type OnlineRequest,
  type OperationOptions,
} from '../../src/usecases/index.ts';
import { backupOptions } from '../support/backup-site.ts';
import { filesOnSeed, recordOf } from '../support/bundle-chain.ts';
import { failureOf } from '../support/hard-cases.ts';
import { ONE_NODE, sampleBundle, writeSampleBundle } from '../support/sample-install.ts';
import type { SimulatedSite } from '../support/simulated-site.ts';
import type { SmallBundle } from '../support/small-bundle.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const sites = useSampleSites(directory);
const yes = async (): Promise<boolean> => true;

/** A bundle that is begun from its lock, and the bytes that a depot would fetch of it. */
interface Locked {
  readonly plan: BundlePlan;
  readonly contents: SmallBundle['contents'];
  readonly name: string;
}

function locked(version: string): Locked {
  const { input, contents } = sampleBundle({ version });
  const plan = planBundle(input);
  return { plan, contents, name: stagedBundleName(plan) };
}

const [first, second, third] = [locked('1'), locked('2'), locked('3')];

function online({ plan }: Locked): OnlineRequest {
  return { begin: { plan, files: new Map() }, upstream: { text: '{ "mirrors": [] }\n', replaces: true } };
}

/** The site's options without files. */
function bare({ options }: SimulatedSite): OperationOptions {
  return { ...options, bundlePaths: undefined, clusterPath: undefined };
}

function upgradeOnline(site: SimulatedSite, to: Locked, changes: Partial<OperationOptions> = {}): Promise<unknown> {
  return upgrade({ ...bare(site), supply: online(to), ...changes }, yes);
}

/** Installs the first bundle from its lock, and fetches `members` of what it has. */
async function onlineSite(members: number): Promise<SimulatedSite> {
  const site = await sites.open({ nodes: ONE_NODE });
  const known = [first, second, third].map(({ name, plan }): [string, Digest] => [name, plan.bundleDigest]);
  for (const machine of site.machines) machine.bundleDigests = new Map([...machine.bundleDigests, ...known]);
  await site.install({ bundlePaths: undefined, supply: online(first) });
  await fetched(site, first, members);
  return site;
}

function pathOf({ seedRoot }: SimulatedSite, { name }: Locked): string {
  return join(seedLayout(seedRoot).bundles, name);
}

/** Does what a depot does that is asked for so many members. */
async function fetched(site: SimulatedSite, bundle: Locked, members: number): Promise<void> {
  const writer = await BundleWriter.create(bundle.plan, pathOf(site, bundle), { emit: silent });
  for (const entry of writer.pending().slice(0, members)) {
    await writer.fill(entry, Readable.from([bundle.contents.get(entry.path) ?? Buffer.alloc(0)]));
  }
  if (writer.pending().length === 0) await writer.finish();
  else await writer.suspend();
}

const missing = (site: SimulatedSite, bundle: Locked) => missingMembers(bundle.plan, pathOf(site, bundle));
const partial = ({ name }: Locked): readonly string[] => [`${name}.partial`, `${name}.partial.journal`];

function served(site: SimulatedSite): string {
  const unit = site.machine('n1').files.get('/etc/systemd/system/caisson-depot.service')?.content.toString() ?? '';
  const [, path = '', isOnline] = /serve (\S+) (--online)?/.exec(unit) ?? [];
  return `${basename(path)}${isOnline === undefined ? '' : ' online'}`;
}

describe('an upgrade that is supplied online', () => {
  it('goes over to the bundle of the lock, and keeps the one before as far as it was fetched', async () => {
    const site = await onlineSite(2);
    const before = await missing(site, first);
    expect(before.members).toBeGreaterThan(2);
    const planned = await planUpgrade({ ...bare(site), supply: online(second) });
    expect(planned.notes).toContainEqual(
      expect.stringMatching(
        new RegExp(`^The seed keeps sample 1 as far as hosts have asked for it: ${before.members} members .* were never fetched`),
      ),
    );
    await upgradeOnline(site, second);
    expect(await recordOf(site)).toMatchObject({
      bundle: { version: '2', digest: second.plan.bundleDigest, supply: 'online' },
      previous: { version: '1', digest: first.plan.bundleDigest, supply: 'online' },
      operations: [{}, { operation: 'upgrade', outcome: 'done' }],
    });
    expect(served(site)).toBe(`${second.name} online`);
    expect(await filesOnSeed(site)).toEqual([...partial(first), ...partial(second)].sort());
    expect(await missing(site, first)).toEqual(before);
  });

  it('removes the bundle before the one before, with its journal', async () => {
    const site = await onlineSite(1);
    await upgradeOnline(site, second);
    await upgradeOnline(site, third);
    expect(await filesOnSeed(site)).toEqual([...partial(second), ...partial(third)].sort());
  });

  it('may have its backup with data of components first, because the manifests are there', async () => {
    const site = await onlineSite(0);
    const { bundle } = await backup(backupOptions(site, join(directory(), 'before.gpg')));
    expect(bundle).toMatchObject({ version: '1', supply: 'online' });
  });

  it('is taken back, and says what is still to be fetched then', async () => {
    const site = await onlineSite(2);
    const { members } = await missing(site, first);
    await upgradeOnline(site, second);
    const { notes } = await planRollback(bare(site));
    expect(notes).toContainEqual(expect.stringMatching(new RegExp(`^${members} members .* of sample 1 were never fetched`)));
    await rollback(bare(site), yes);
    expect(served(site)).toBe(`${first.name} online`);
    expect(await recordOf(site)).toMatchObject({ bundle: { version: '1', supply: 'online' }, previous: { version: '2' } });
    expect((await missing(site, first)).members).toBe(members);
  });

  it.each(['stage-bundle', 'start-depot', 'prune-bundles'])(
    'goes on, or is taken back, where it was killed at %s, and keeps what was fetched',
    async (phase) => {
      const site = await onlineSite(2);
      await upgradeOnline(site, second);
      await fetched(site, second, 1);
      const before = await missing(site, second);
      const emit = (event: Event): void => {
        const isAt = event.type === 'step.started' && event.step.startsWith(`${phase}/n1`) && !event.step.endsWith('/in-force');
        if (isAt && !site.installer.dead) site.installer.death = { at: site.installer.commands + 1, carriedOut: true };
      };
      const killed = async (): Promise<void> => {
        await failureOf(upgradeOnline(site, third, { emit }));
        site.installer.death = undefined;
        expect(await missing(site, second)).toEqual(before);
      };
      await killed();
      await upgradeOnline(site, third);
      expect(await recordOf(site)).toMatchObject({ bundle: { version: '3' }, previous: { version: '2' } });
      expect(await filesOnSeed(site)).toEqual([...partial(second), ...partial(third)].sort());
      await rollback(bare(site), yes);
      expect(served(site)).toBe(`${second.name} online`);
      expect(await missing(site, second)).toEqual(before);
    },
  );
});

describe('a rollback after a site that was supplied online went offline', () => {
  it('is refused for a bundle that is not whole, until it is said that the rest is fetched', async () => {
    const site = await onlineSite(2);
    const bundle = await writeSampleBundle(join(directory(), 'second.tar'), { version: '2' });
    const { notes } = await planUpgrade({ ...bare(site), bundlePaths: [bundle], supply: 'offline' });
    expect(notes).toContainEqual(expect.stringContaining('caisson rollback --online'));
    await upgrade({ ...bare(site), bundlePaths: [bundle], supply: 'offline' }, yes);
    expect(served(site)).toBe(second.name);
    expect(await filesOnSeed(site)).toEqual([...partial(first), second.name].sort());
    const { error } = await failureOf(planRollback(bare(site)));
    expect(error).toMatchObject({ code: 'BUNDLE_INCOMPLETE', hint: expect.stringContaining('caisson rollback --online') });
    const upstream = { text: '{ "mirrors": ["docker.io=http://other.example"] }\n', replaces: false };
    await rollback({ ...bare(site), supply: { upstream } }, yes);
    expect(served(site)).toBe(`${first.name} online`);
    expect(site.machine('n1').text(upstreamSettingsPath(seedLayout(site.seedRoot)))).toBe(upstream.text);
    expect(await recordOf(site)).toMatchObject({ bundle: { version: '1', supply: 'online' }, previous: { version: '2' } });
  });

  it('leaves nothing of what was fetched beside a bundle that was carried, also after a kill', async () => {
    const site = await onlineSite(1);
    const bundle = await writeSampleBundle(join(directory(), 'second.tar'), { version: '2' });
    await upgrade({ ...bare(site), bundlePaths: [bundle], supply: 'offline' }, yes);
    await writeFile(`${pathOf(site, second)}.copy`, 'of a copy that was killed');
    await writeFile(`${pathOf(site, second)}.partial`, 'of a depot that fetched it before');
    await site.install({ bundlePaths: undefined, supply: undefined });
    expect(await filesOnSeed(site)).toEqual([...partial(first), second.name].sort());
  });

  it('goes back offline to a bundle that hosts have asked for as a whole', async () => {
    const site = await onlineSite(Infinity);
    const bundle = await writeSampleBundle(join(directory(), 'second.tar'), { version: '2' });
    await upgrade({ ...bare(site), bundlePaths: [bundle], supply: 'offline' }, yes);
    await rollback(bare(site), yes);
    expect(served(site)).toBe(first.name);
    expect(await filesOnSeed(site)).toEqual([first.name, second.name].sort());
    expect((await recordOf(site))?.bundle).toMatchObject({ version: '1' });
  });
});
