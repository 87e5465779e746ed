import { readdir } from 'node:fs/promises';
import { describe, expect, it, beforeAll } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import type { SiteRecord } from '../../src/site/index.ts';
import { planUpgrade, rollback, upgrade } from '../../src/usecases/index.ts';
import { expectWhole, filesOnSeed, knowLinks, recordOf, writeLink, type Link } from '../support/bundle-chain.ts';
import { failureOf } from '../support/hard-cases.ts';
import { ONE_NODE } from '../support/sample-install.ts';
import { randomNumbers } from '../support/random-numbers.ts';
import { outcomeOf, type SimulatedSite } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const shared = useSharedTempDir();
const directory = useTempDir();
const samples = useSampleSites(directory);
const yes = async (): Promise<boolean> => true;

/** A full bundle, three deltas that each build on all before them, another full bundle and a delta on that. */
let chain: Record<'full1' | 'delta2' | 'delta3' | 'delta4' | 'full5' | 'delta6', Link>;
beforeAll(async () => {
  const full1 = await writeLink(shared(), '1');
  const delta2 = await writeLink(shared(), '2', [full1]);
  const delta3 = await writeLink(shared(), '3', [full1, delta2]);
  const delta4 = await writeLink(shared(), '4', [full1, delta2, delta3]);
  const full5 = await writeLink(shared(), '5');
  const delta6 = await writeLink(shared(), '6', [full5]);
  chain = { full1, delta2, delta3, delta4, full5, delta6 };
});

type Name = keyof typeof chain;

/** What is known of a site from what was done to it. */
interface Followed {
  readonly site: SimulatedSite;
  /** The bundle in force and the one before. */
  inForce: Link;
  before: Link | undefined;
}

async function begun(first: Name): Promise<Followed> {
  const site = await samples.open({ nodes: ONE_NODE, bundle: chain[first].path });
  knowLinks(site, Object.values(chain));
  await site.install();
  return { site, inForce: chain[first], before: undefined };
}

/** Options of a command that names the bundle alone, and bases only where the seed has them no more. */
async function taking({ site }: Followed, link: Link): Promise<typeof site.options> {
  const there = await filesOnSeed(site);
  const missing = Object.values(chain).filter(({ name }) => link.whole.includes(name) && name !== link.name && !there.includes(name));
  return { ...site.options, bundlePaths: [link.path, ...missing.map(({ path }) => path)] };
}

async function upgradeTo(followed: Followed, link: Link): Promise<void> {
  await upgrade(await taking(followed, link), yes);
  followed.before = followed.inForce.digest === link.digest ? followed.before : followed.inForce;
  followed.inForce = link;
}

async function rollBack(followed: Followed): Promise<void> {
  const { site, inForce, before } = followed;
  await rollback({ ...site.options, bundlePaths: undefined }, yes);
  if (before === undefined) throw new Error('there was a bundle before');
  Object.assign(followed, { inForce: before, before: inForce });
}

/** Expects after a run that ended well that the seed has what the two bundles need, whole, and no other file. */
async function expectKept({ site, inForce, before }: Followed, where: string): Promise<void> {
  expect(await recordOf(site), where).toMatchObject({
    bundle: { digest: inForce.digest },
    ...(before === undefined ? {} : { previous: { digest: before.digest } }),
  });
  await expectWhole(site, where);
  expect(await filesOnSeed(site), where).toEqual([...new Set([...inForce.whole, ...(before?.whole ?? [])])].sort());
}

async function follow(first: Name, steps: readonly (Name | 'back')[]): Promise<Followed> {
  const followed = await begun(first);
  await expectKept(followed, first);
  for (const [index, step] of steps.entries()) {
    const where = [first, ...steps.slice(0, index + 1)].join(' > ');
    if (step === 'back') await rollBack(followed);
    else await upgradeTo(followed, chain[step]);
    await expectKept(followed, where);
  }
  return followed;
}

/** Expects after a run that ended well that the bundle before is the one that was in force, and that nothing else is there. */
async function expectPruned(site: SimulatedSite, prior: SiteRecord | undefined, where: string): Promise<void> {
  const { bundle, previous } = (await recordOf(site)) ?? {};
  expect(previous?.digest, where).toBe(bundle?.digest === prior?.bundle?.digest ? prior?.previous?.digest : prior?.bundle?.digest);
  const needed = [bundle, previous].flatMap((one) => Object.values(chain).find(({ digest }) => digest === one?.digest)?.whole ?? []);
  expect(await filesOnSeed(site), where).toEqual([...new Set(needed)].sort());
}

function isName(step: string): step is Name {
  return Object.hasOwn(chain, step);
}

describe('bundles on the seed', () => {
  it('are those that the one in force and the one before need, over a chain of deltas', async () => {
    expect(chain.delta4.whole).toHaveLength(4);
    await follow('full1', ['delta2', 'back', 'delta3', 'delta4', 'back']);
  });

  it('are freed of the bases by the upgrade after that to a full bundle', async () => {
    await follow('full1', ['delta4', 'full5', 'back', 'full5', 'delta6']);
  });

  it('still have the bundle in force after an upgrade to a delta on it that was given up for a full one', async () => {
    const followed = await begun('full1');
    const { site } = followed;
    const emit = site.installer.dyingAfter((step) => step.startsWith('stage-bundle'), 1);
    await failureOf(upgrade({ ...(await taking(followed, chain.delta2)), emit }, yes));
    site.installer.death = undefined;
    expect(await filesOnSeed(site)).toContain(chain.delta2.name);
    await upgradeTo(followed, chain.full5);
    await expectKept(followed, 'full1 > (delta2) > full5');
    await rollBack(followed);
    await expectKept(followed, 'full1 > (delta2) > full5 > back');
  });

  it('are whole at every moment of upgrades and rollbacks that are killed, gone on with and taken back', { timeout: 300_000 }, async () => {
    const followed = await begun('full1');
    const { site } = followed;
    const random = randomNumbers(7);
    const said: string[] = ['full1'];
    const steps = [...Object.keys(chain), 'back', 'back'];
    for (let turn = 0; turn < 16; turn += 1) {
      const step = steps[random(steps.length)] ?? 'back';
      const link = isName(step) ? chain[step] : undefined;
      const prior = await recordOf(site);
      if (link === undefined ? prior?.previous === undefined : link.digest === prior?.bundle?.digest) continue;
      const run = async (): Promise<unknown> =>
        link === undefined ? rollback({ ...site.options, bundlePaths: undefined }, yes) : upgrade(await taking(followed, link), yes);
      const at = 1 + random(60);
      site.installer.death = random(10) < 6 ? { at: site.installer.commands + at, carriedOut: random(2) === 0 } : undefined;
      const outcome = await outcomeOf(run());
      site.installer.death = undefined;
      said.push(outcome === 'done' ? step : `(${step} killed at ${at})`);
      const where = said.join(' > ');
      await expectWhole(site, where);
      if (outcome === 'done') await expectPruned(site, prior, where);
      else expect(outcome, where).toMatch(/the installer (was killed|is dead)/);
    }
    expect(said.filter((word) => word.includes('killed')).length, said.join(' > ')).toBeGreaterThan(2);
  });

  it('are whole after a kill while one is removed, and a rollback goes to the one before', async () => {
    const followed = await begun('full1');
    const { site } = followed;
    await upgradeTo(followed, chain.delta2);
    const emit = ({ type, ...event }: Event): void => {
      const isRemoving = type === 'step.started' && 'step' in event && event.step === 'prune-bundles/n1/bundles';
      if (isRemoving) site.installer.death = { at: site.installer.commands + 1, carriedOut: true };
    };
    await upgradeTo(followed, chain.full5);
    await failureOf(upgrade({ ...(await taking(followed, chain.delta6)), emit }, yes));
    site.installer.death = undefined;
    expect(await filesOnSeed(site)).not.toContain(chain.full1.name);
    await expectWhole(site, 'killed while full1 and delta2 are removed');
    Object.assign(followed, { inForce: chain.delta6, before: chain.full5 });
    await rollBack(followed);
    await expectKept(followed, 'back');
  });

  it('are counted in the plan: what is removed is said before', async () => {
    const followed = await begun('full1');
    await upgradeTo(followed, chain.full5);
    const { plan } = await planUpgrade(await taking(followed, chain.delta6));
    const prune = plan.steps.filter(({ phase }) => phase === 'prune-bundles');
    expect(prune.map(({ summary }) => summary.replace(/\S+\//, ''))).toEqual([
      'note which bundle is in force',
      `remove bundles that nothing needs any more: ${chain.full1.name}`,
    ]);
    expect(await readdir(shared())).toContain('1.tar');
  });
});
