import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { seedLayout } from '../../src/site/index.ts';
import { planInstall } from '../../src/usecases/index.ts';
import { failureOf, HARD_IMAGES, hardManifests, hardSite, impatientClock, type HardSite } from '../support/hard-cases.ts';
import { writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { outcomeOf } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const bundles = useSharedTempDir();
let bundle: string;
const ending = useEnding<HardSite>();

beforeAll(async () => {
  bundle = await writeSampleBundle(join(bundles(), 'hard.tar'), { manifests: hardManifests(), images: HARD_IMAGES });
});

function stores(count: number, hosts = 5): readonly SampleNode[] {
  return Array.from({ length: hosts }, (_, index) => ({
    name: `n${index + 1}`,
    address: `10.0.0.${index + 11}`,
    roles: index < count ? ['store'] : ['control'],
  }));
}

/** Hosts of which the first have the store. */
async function storeSite(count: number): Promise<HardSite> {
  const site = ending(await hardSite(directory(), bundle, stores(count)));
  for (const { name, roles } of stores(count)) if (roles.includes('store')) site.platform.members.add(name);
  await site.run();
  site.takeRestarts();
  site.platform.takeLog();
  return site;
}

const isOfStore = (line: string): boolean => line.includes('storectl') || /\/store/.test(line);
const STEPS_OF_STORE = /^(n\d: storectl (add|remove) n\d|(actions|start-components|check-components|remove)\/n\d\/store\S*)$/;

function storeLog(site: HardSite): readonly string[] {
  return site.platform.takeLog().filter((line) => isOfStore(line) && STEPS_OF_STORE.test(line));
}

describe('a quorum store', () => {
  it('is founded by all its members at once, which no action adds', async () => {
    const site = ending(await hardSite(directory(), bundle, stores(3)));
    await site.run();
    expect(site.platform.takeLog().filter((line) => line.includes('storectl'))).toEqual([]);
    const { n1, n3, n4 } = site.definitions('store');
    for (const text of [n1, n3]) {
      expect(text).toContain('ORIGIN=founding');
      expect(text).toContain('MEMBERS=n1=https://10.0.0.11:2380,n2=https://10.0.0.12:2380,n3=https://10.0.0.13:2380');
    }
    expect(n4).toBeUndefined();
    expect((await site.record()).placements['store']).toEqual(['n1', 'n2', 'n3']);
  });

  it('grows from one to three to five, one member at a time, each behind the gate of the one before', async () => {
    const site = await storeSite(1);
    const founder = site.definitions('store')['n1'];
    await site.declare(stores(3));
    await site.run();
    expect(storeLog(site)).toEqual([
      'check-components/n1/store',
      'n1: storectl add n2',
      'actions/n2/store-join',
      'start-components/n2/store-start',
      'check-components/n2/store',
      'n1: storectl add n3',
      'actions/n3/store-join',
      'start-components/n3/store-start',
      'check-components/n3/store',
    ]);
    await site.declare(stores(5));
    await site.run();
    expect(storeLog(site).filter((line) => line.includes('storectl') || line.startsWith('check-components'))).toEqual([
      ...['n1', 'n2', 'n3'].map((name) => `check-components/${name}/store`),
      'n1: storectl add n4',
      'check-components/n4/store',
      'n1: storectl add n5',
      'check-components/n5/store',
    ]);
    expect([...site.platform.members]).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
    expect(site.definitions('store')['n1']).toBe(founder);
    expect(founder).toContain('MEMBERS=n1=https://10.0.0.11:2380');
    expect(site.definitions('store')['n2']).toContain('ORIGIN=joined');
    expect(site.definitions('store')['n2']).toMatch(/MEMBERS=n1=\S+,n2=https:\/\/10.0.0.12:2380'?( |$)/m);
    expect(site.takeRestarts().filter((line) => line.includes('store'))).toEqual([]);
    expect((await site.record()).placements['store']).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
    expect((await site.run()).changed).toBe(0);
  });

  it('shrinks from five to three: each leaves before it is removed, and those that stay are seen healthy before the next', async () => {
    const site = await storeSite(5);
    const texts = site.definitions('store');
    await site.declare(stores(3));
    await site.run();
    const log = storeLog(site).filter((line) => !/check-components\/n\d\/store$/.test(line));
    const leaves = (name: string): readonly string[] => [
      `n1: storectl remove ${name}`,
      `actions/${name}/store-leave-leaves`,
      `remove/${name}/store`,
      ...['n1', 'n2', 'n3'].map((member) => `check-components/${member}/store-after-${name}-left`),
    ];
    expect(log).toEqual([...leaves('n4'), ...leaves('n5')]);
    expect([...site.platform.members]).toEqual(['n1', 'n2', 'n3']);
    expect(site.definitions('store')).toEqual({ ...texts, n4: undefined, n5: undefined });
    expect(site.machine('n4').units.has('store.service')).toBe(false);
    expect(site.takeRestarts().filter((line) => line.includes('store'))).toEqual([]);
    expect((await site.record()).placements['store']).toEqual(['n1', 'n2', 'n3']);
    expect((await site.run()).changed).toBe(0);
  });

  it.each([
    { killed: false, what: 'in one run' },
    { killed: true, what: 'that a run began which was killed' },
  ])('takes back a join $what that does not end well, and joins the host once it is healthy', async ({ killed }) => {
    const site = await storeSite(1);
    const founder = site.definitions('store')['n1'];
    const n2 = site.machine('n2');
    n2.sick.add('store');
    await site.declare(stores(3));
    const started = (then: () => void) => (event: Event) => {
      if (event.type === 'step.finished' && event.step === 'start-components/n2/store-start') then();
    };
    const writeData = started(() => n2.write('/opt/sample/store/member', 'data of a member that never was one', 0o600));
    if (killed) {
      const stop = new AbortController();
      const emit = started(() => stop.abort(new Error('stopped')));
      expect(await outcomeOf(site.run({ signal: stop.signal, emit }))).toContain('stopped');
      expect(n2.units.has('store.service')).toBe(true);
      n2.write('/opt/sample/store/member', 'data of a member that never was one', 0o600);
      site.platform.takeLog();
    }
    const { message } = await failureOf(site.run({ clock: impatientClock(), emit: writeData }));
    expect(message).toContain('Taken back: ');
    expect(storeLog(site)).toContain('n1: storectl remove n2');
    expect([...site.platform.members]).toEqual(['n1']);
    expect(n2.units.has('store.service')).toBe(false);
    expect(n2.files.has('/opt/sample/conf/store.yaml')).toBe(false);
    expect(n2.files.has('/opt/sample/store/member')).toBe(false);
    expect(site.definitions('store')).toMatchObject({ n1: founder, n2: undefined, n3: undefined });
    expect(site.takeRestarts().filter((line) => line.includes('n1'))).toEqual([]);
    expect((await site.record()).placements['store']).toEqual(['n1']);
    n2.sick.clear();
    await site.run();
    expect([...site.platform.members]).toEqual(['n1', 'n2', 'n3']);
    expect((await site.record()).placements['store']).toEqual(['n1', 'n2', 'n3']);
    expect(site.definitions('store')['n1']).toBe(founder);
    expect((await site.run()).changed).toBe(0);
  });

  it('joins nothing while a member is not healthy', async () => {
    const site = await storeSite(3);
    site.machine('n3').sick.add('store');
    await site.declare(stores(5));
    await failureOf(site.run({ clock: impatientClock() }));
    expect([...site.platform.members]).toEqual(['n1', 'n2', 'n3']);
  });

  it('is refused as an even number of members', async () => {
    const site = await storeSite(3);
    await site.declare(stores(4));
    const { message } = await failureOf(site.run());
    expect(message).toContain('4 hosts would run "store"');
    expect([...site.platform.members]).toEqual(['n1', 'n2', 'n3']);
  });

  it('is what it was when the record is lost after it has grown', async () => {
    const site = await storeSite(1);
    await site.declare(stores(3));
    await site.run();
    const texts = site.definitions('store');
    const { placements, joined, values } = await site.record();
    await rm(seedLayout(site.seedRoot).record);
    const { plan } = await planInstall(site.options);
    expect(plan.changes.filter(({ action }) => action !== 'keep')).toEqual([]);
    await site.run();
    expect(site.definitions('store')).toEqual(texts);
    expect(await site.record()).toMatchObject({ placements, joined, values });
    expect(site.takeRestarts().filter((line) => line.includes('store'))).toEqual([]);
  });
});
