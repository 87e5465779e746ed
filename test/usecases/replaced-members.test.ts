import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { changeNode, planNodeChange, type NodeChange } from '../../src/usecases/index.ts';
import { failureOf, HARD_IMAGES, hardSite, impatientClock, type HardSite } from '../support/hard-cases.ts';
import { foundStores, storeManifests, stores, watchMajority } from '../support/member-stores.ts';
import { writeSampleBundle } from '../support/sample-install.ts';
import { outcomeOf } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const bundles = useSharedTempDir();
const ending = useEnding<HardSite>();
let bundle: string;

let number = 0;

function bundleOf(texts: Readonly<Record<string, string>>): Promise<string> {
  number += 1;
  return writeSampleBundle(join(bundles(), `${number}.tar`), { manifests: texts, images: HARD_IMAGES, version: `${number}` });
}

beforeAll(async () => {
  bundle = await bundleOf(storeManifests());
});

async function storeSite(count: number, { path = bundle, hosts = count } = {}): Promise<HardSite> {
  return ending(await foundStores(directory(), path, stores(count, hosts)));
}

const yes = async (): Promise<boolean> => true;

/** The site's own bundle and cluster.yaml are used. */
function bare({ options, platform }: HardSite, emit: (event: Event) => void = () => {}) {
  const note = (event: Event): void => {
    if (event.type === 'step.finished' && event.outcome !== 'failed') platform.log.push(event.step);
    emit(event);
  };
  return { ...options, bundlePaths: undefined, clusterPath: undefined, emit: note };
}

function replacing(name: string, address: string): NodeChange {
  return { what: 'replace', name, address };
}

/** The machine of a node is lost, and another is at hand. Returns the change that puts it in its place. */
function lost(site: HardSite, name: string, address: string): NodeChange {
  site.replaceMachine(name, address);
  return replacing(name, address);
}

const OF_STORE =
  /^(n\d: storectl (add|remove) n\d|(actions|start-components|check-components|configure-components|remove)\/n\d\/store(?!-configure)\S*)$/;

function storeLog(site: HardSite): readonly string[] {
  return site.platform.takeLog().filter((line) => OF_STORE.test(line));
}

describe('a member of a quorum whose machine is lost', () => {
  it('leaves through another member, and the new machine joins, before the others restart one after the other', async () => {
    const site = await storeSite(3);
    const change = lost(site, 'n2', '10.0.0.99');
    const majority = watchMajority(site);
    const { notes } = await planNodeChange(bare(site), change);
    expect(notes).toContain(
      'The former machine of n2, 10.0.0.12, leaves store through its other members, n1, n3, before the new one joins',
    );
    await changeNode(bare(site), change, yes);
    expect(storeLog(site)).toEqual([
      'check-components/n1/store-before-leave',
      'check-components/n3/store-before-leave',
      'n1: storectl remove n2',
      'actions/n2/store-leave-of-10.0.0.12',
      'check-components/n1/store-after-leave',
      'check-components/n3/store-after-leave',
      'n1: storectl add n2',
      'actions/n2/store-join',
      'start-components/n2/store-start',
      'check-components/n2/store',
      'start-components/n1/store-start',
      'check-components/n1/store',
      'start-components/n3/store-start',
      'check-components/n3/store',
    ]);
    expect(majority.moments()).toBeGreaterThan(0);
    expect([...site.platform.members]).toEqual(['n1', 'n3', 'n2']);
    const record = await site.record();
    expect(record.placements['store']).toEqual(['n1', 'n3', 'n2']);
    expect(record.joined['store']).toEqual(['n2']);
    expect(record.hosts['n2']).toMatchObject({ address: '10.0.0.99' });
    expect(record.hosts['n2']).not.toHaveProperty('former');
    expect(site.definitions('store')['n2']).toContain('ORIGIN=joined');
    expect(site.machine('n3').text('/opt/sample/members')).toContain('n2=10.0.0.99');
    expect((await changeNode(bare(site), change, yes)).changed).toBe(0);
  });

  it('is the same when the address is edited by hand, and two of five are replaced at once', async () => {
    const site = await storeSite(5);
    site.replaceMachine('n2', '10.0.0.98');
    site.replaceMachine('n4', '10.0.0.99');
    watchMajority(site);
    await site.declare(stores(5).map((node) => ({ ...node, address: { n2: '10.0.0.98', n4: '10.0.0.99' }[node.name] ?? node.address })));
    await site.run();
    expect(storeLog(site).filter((line) => /storectl|check-components\/n[24]/.test(line))).toEqual([
      'n1: storectl remove n2',
      'n1: storectl remove n4',
      'n1: storectl add n2',
      'check-components/n2/store',
      'n1: storectl add n4',
      'check-components/n4/store',
    ]);
    expect([...site.platform.members]).toEqual(['n1', 'n3', 'n5', 'n2', 'n4']);
    expect((await site.run()).changed).toBe(0);
  });

  it('is taken back when the new machine does not get healthy, with the others as they were, and joins when it is', async () => {
    const site = await storeSite(3);
    const change = lost(site, 'n2', '10.0.0.99');
    const n2 = site.machine('n2');
    n2.sick.add('store');
    watchMajority(site);
    const { message } = await failureOf(changeNode({ ...bare(site), clock: impatientClock() }, change, yes));
    expect(message).toContain('Taken back: ');
    expect([...site.platform.members]).toEqual(['n1', 'n3']);
    expect(n2.units.has('store.service')).toBe(false);
    expect(site.takeRestarts().filter((line) => line.includes('store'))).toEqual([]);
    expect((await site.record()).placements['store']).toEqual(['n1', 'n3']);
    n2.sick.clear();
    await changeNode(bare(site), change, yes);
    expect([...site.platform.members]).toEqual(['n1', 'n3', 'n2']);
    expect(site.takeRestarts().filter((line) => line.includes('store'))).toEqual(['n1 store.service', 'n3 store.service']);
    expect((await changeNode(bare(site), change, yes)).changed).toBe(0);
  });

  it.each(['actions/n2/store-join', 'check-components/n1/store-before-leave'])(
    'is replaced by a third machine where the second is lost, too, after %s',
    async (last) => {
      const site = await storeSite(3);
      const stop = new AbortController();
      const emit = (event: Event): void => {
        if (event.type === 'step.finished' && event.step === last) stop.abort(new Error('stopped'));
      };
      const second = lost(site, 'n2', '10.0.0.98');
      expect(await outcomeOf(changeNode({ ...bare(site, emit), signal: stop.signal }, second, yes))).toContain('stopped');
      const third = lost(site, 'n2', '10.0.0.99');
      site.platform.takeLog();
      await changeNode(bare(site), third, yes);
      const told = site.platform.takeLog().filter((line) => /storectl (add|remove)/.test(line));
      expect(told).toEqual(['n1: storectl remove n2', 'n1: storectl add n2']);
      expect((await site.record()).placements['store']).toEqual(['n1', 'n3', 'n2']);
      expect((await changeNode(bare(site), third, yes)).changed).toBe(0);
    },
  );

  it('leaves, too, where the replacement was stopped and the node is removed after that', async () => {
    const site = await storeSite(3, { hosts: 4 });
    const stop = new AbortController();
    const emit = (event: Event): void => {
      if (event.type === 'step.finished' && event.step === 'check-components/n1/store-before-leave') stop.abort(new Error('stopped'));
    };
    const change = lost(site, 'n2', '10.0.0.99');
    expect(await outcomeOf(changeNode({ ...bare(site, emit), signal: stop.signal }, change, yes))).toContain('stopped');
    site.platform.takeLog();
    await site.declare(
      stores(3, 4)
        .filter(({ name }) => name !== 'n2')
        .map((node) => ({ ...node, roles: ['store'] })),
    );
    await site.run();
    expect(site.platform.takeLog().filter((line) => /storectl (add|remove)/.test(line))).toEqual([
      'n1: storectl remove n2',
      'n1: storectl add n4',
    ]);
    expect([...site.platform.members]).toEqual(['n1', 'n3', 'n4']);
    expect((await site.record()).hosts).not.toHaveProperty('n2');
    expect((await site.run()).changed).toBe(0);
  });
});

describe('the replacement of a member is refused', () => {
  /** Nothing was told to the platform, and cluster.yaml is as it was. */
  async function refusal(site: HardSite, change: NodeChange, purge = false): Promise<string> {
    const before = await readFile(site.options.clusterPath, 'utf8');
    const { message, error } = await failureOf(changeNode({ ...bare(site), purge }, change, yes));
    expect(error).toMatchObject({ code: 'SITE_CONFLICT' });
    expect(await readFile(site.options.clusterPath, 'utf8')).toBe(before);
    expect(site.platform.takeLog().filter((line) => line.includes('storectl'))).toEqual([]);
    return message;
  }

  it('where another member is not healthy', async () => {
    const site = await storeSite(3);
    site.machine('n3').sick.add('store');
    expect(await refusal(site, lost(site, 'n2', '10.0.0.99'))).toContain('n3: store is not healthy there (store is unhealthy: no image)');
  });

  it('where it is the only one, unless its data are given up', async () => {
    const site = ending(
      await hardSite(
        directory(),
        bundle,
        stores(1, 2).map((node) => ({ ...node, roles: [node.name === 'n1' ? 'control' : 'store'] })),
      ),
    );
    await site.run();
    site.platform.takeLog();
    const change = lost(site, 'n2', '10.0.0.99');
    expect(await refusal(site, change)).toContain('on which alone store had its data');
    await changeNode({ ...bare(site), purge: true }, change, yes);
    expect(site.definitions('store')['n2']).toContain('ORIGIN=founding');
  });

  it('where the others are no majority', async () => {
    const site = await storeSite(3);
    site.replaceMachine('n2', '10.0.0.98');
    site.replaceMachine('n3', '10.0.0.99');
    await site.declare(stores(3).map((node) => ({ ...node, address: { n2: '10.0.0.98', n3: '10.0.0.99' }[node.name] ?? node.address })));
    const { message } = await failureOf(site.run({ purge: true }));
    expect(message).toContain('n1 is left of 3 members of store, which is no majority');
  });

  it('where the platform has no action by which another member takes it out', async () => {
    const self = await bundleOf(
      storeManifests({}, (store) => store.replace('at: leave\n    on: { component: store }', 'at: leave\n    on: self')),
    );
    const site = await storeSite(3, { path: self });
    expect(await refusal(site, lost(site, 'n2', '10.0.0.99'))).toContain('store declares no action by which another member takes it out');
  });

  it('together with another bundle, and with a change that restarts the engine below another member', async () => {
    const site = await storeSite(3);
    site.replaceMachine('n2', '10.0.0.99');
    await site.take(await bundleOf(storeManifests({ storeSettings: 'second' })));
    await site.declare(stores(3).map((node) => (node.name === 'n2' ? { ...node, address: '10.0.0.99' } : node)));
    expect((await failureOf(site.run())).message).toContain('is not the installed bundle');
    await site.take(bundle);
    site.machine('n3').write('/etc/docker/daemon.json', '{ "debug": true }\n', 0o644);
    expect((await failureOf(site.run())).message).toContain(
      'n3: "restart docker" would stop store there before the new machine of n2 is a member',
    );
    expect([...site.platform.members]).toEqual(['n1', 'n2', 'n3']);
  });
});
