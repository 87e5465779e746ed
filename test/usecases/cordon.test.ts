import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { cordonNode, listNodes, readHistory, uncordonNode, type CordonOptions, type OperationOptions } from '../../src/usecases/index.ts';
import { HARD_IMAGES, hardManifests, hardSite, SimulatedPlatform, type HardChoices, type HardSite } from '../support/hard-cases.ts';
import { writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { outcomeOf, simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const bundles = useSharedTempDir();
let number = 0;
const ending = useEnding<HardSite>();

/** The seed is a worker, so that both hosts of the control are reached over the network. */
const NODES: readonly SampleNode[] = [
  { name: 'n1', address: '10.0.0.11', roles: ['work'] },
  { name: 'n2', address: '10.0.0.12', roles: ['control'] },
  { name: 'n3', address: '10.0.0.13', roles: ['control'] },
  { name: 'n4', address: '10.0.0.14', roles: ['work'] },
];

async function bundleOf(choices: HardChoices = {}): Promise<string> {
  number += 1;
  const path = join(bundles(), `${number}.tar`);
  return writeSampleBundle(path, { manifests: hardManifests(choices), images: HARD_IMAGES, version: `${number}` });
}

async function installed(): Promise<HardSite> {
  const site = ending(await hardSite(directory(), await bundleOf(), NODES));
  await site.run();
  site.platform.takeLog();
  return site;
}

function optionsFor(site: SimulatedSite, node: string, changes: Partial<CordonOptions> = {}): CordonOptions {
  const { connect, clock, emit, signal, machines } = site.options;
  return { node, home: connect.home, clock, emit, signal, machines, ...changes };
}

/** Machines of a site of which some do not answer, and the names of those that were asked. */
function withDead(
  { options: { machines } }: SimulatedSite,
  dead: readonly string[],
): Pick<OperationOptions, 'machines'> & { asked: string[] } {
  if (machines === undefined) throw new Error('the site has no machines');
  const asked: string[] = [];
  return {
    asked,
    machines: {
      ...machines,
      connect: async (node, spec, options) => {
        asked.push(node.name);
        if (dead.includes(node.name)) throw new Error(`"${node.name}" does not answer`);
        return machines.connect(node, spec, options);
      },
    },
  };
}

function toldWorkers(site: HardSite): readonly string[] {
  return site.platform.takeLog().filter((line) => line.includes('workctl'));
}

const NOW = '2026-01-01T00:00:00.000Z';

describe('a node that is cordoned', () => {
  it('gets no new work by the action of the platform, and the record and the list say since when', async () => {
    const site = await installed();
    const { operations } = await site.record();
    expect((await cordonNode(optionsFor(site, 'n4'))).cordoned).toEqual({ since: NOW, by: 'operator' });
    expect(toldWorkers(site)).toEqual(['n2: workctl cordoned n4', 'n2: workctl cordon n4']);
    const record = await site.record();
    expect(record.hosts['n4']?.cordoned).toEqual({ since: NOW, by: 'operator' });
    expect((await listNodes(site.options)).nodes.map(({ name, cordoned }) => `${name} ${cordoned?.since ?? '-'}`)).toEqual([
      'n1 -',
      'n2 -',
      'n3 -',
      `n4 ${NOW}`,
    ]);
    // What an install concludes from the last operation stays as it was; the history has the run.
    expect(record.operations).toEqual(operations);
    expect((await readHistory(site.options)).map(({ operation, outcome }) => `${operation} ${outcome}`)).toEqual([
      'install done',
      'node cordon done',
    ]);
    expect((await site.run()).changed).toBe(0);
    expect((await site.record()).hosts['n4']?.cordoned?.since).toBe(NOW);
  });

  it('is cordoned since the first time when it is cordoned again, also where somebody took it back in the platform', async () => {
    const site = await installed();
    await cordonNode(optionsFor(site, 'n4'));
    site.platform.cordoned.clear();
    const clock = { ...site.options.clock, now: () => new Date('2026-03-01T00:00:00Z') };
    expect(await cordonNode(optionsFor(site, 'n4', { clock }))).toMatchObject({ changed: 1, cordoned: { since: NOW } });
    expect([...site.platform.cordoned]).toEqual(['n4']);
    expect(await cordonNode(optionsFor(site, 'n4', { clock }))).toMatchObject({ changed: 0, cordoned: { since: NOW } });
  });

  it('gets new work again when it is uncordoned', async () => {
    const site = await installed();
    await cordonNode(optionsFor(site, 'n4'));
    site.platform.takeLog();
    await uncordonNode(optionsFor(site, 'n4'));
    expect(toldWorkers(site)).toEqual(['n2: workctl uncordon n4']);
    expect((await site.record()).hosts['n4']).not.toHaveProperty('cordoned');
    expect((await listNodes(site.options)).nodes.some((node) => 'cordoned' in node)).toBe(false);
    await site.take(await bundleOf({ worker: '2' }));
    await site.run();
    expect(site.platform.cordoned.size).toBe(0);
  });

  it('that has no component with such an action any more is uncordoned in the record alone', async () => {
    const site = await installed();
    await cordonNode(optionsFor(site, 'n4'));
    await site.declare(NODES.map((node) => (node.name === 'n4' ? { ...node, roles: ['control'] } : node)));
    await site.run();
    expect((await site.record()).hosts['n4']?.cordoned?.since).toBe(NOW);
    site.platform.takeLog();
    await uncordonNode(optionsFor(site, 'n4'));
    expect(toldWorkers(site)).toEqual([]);
    expect((await site.record()).hosts['n4']).not.toHaveProperty('cordoned');
  });

  it('need not answer, nor need the first host that could run the action', async () => {
    const site = await installed();
    const { asked, machines } = withDead(site, ['n2', 'n4']);
    await cordonNode(optionsFor(site, 'n4', { machines }));
    expect(toldWorkers(site)).toEqual(['n3: workctl cordoned n4', 'n3: workctl cordon n4']);
    expect([...asked].sort()).toEqual(['n2', 'n3']);
    expect((await site.record()).hosts['n4']?.cordoned?.since).toBe(NOW);
  });

  it('is cordoned through a host whose component is healthy', async () => {
    const site = await installed();
    site.machine('n2').sick.add('control');
    await cordonNode(optionsFor(site, 'n4'));
    expect(toldWorkers(site)).toEqual(['n3: workctl cordoned n4', 'n3: workctl cordon n4']);
  });

  it('is cordoned through a seed beside the cluster, and no node is connected', async () => {
    const path = 'components/worker/component.yaml';
    const manifests = hardManifests();
    const worker = (manifests[path] ?? '').replace(/(at: (?:un)?cordon,?\s+on: )\{ component: control \}/g, '$1seed');
    const bundle = join(bundles(), 'seed.tar');
    await writeSampleBundle(bundle, { manifests: { ...manifests, [path]: worker }, images: HARD_IMAGES, version: 'seed' });
    const site = await simulatedSite({ directory: directory(), bundle, nodes: NODES, beside: '10.0.0.99' });
    try {
      const platform = new SimulatedPlatform();
      for (const machine of site.machines) platform.equip(machine);
      await site.install();
      const seed = site.machines.find(({ name }) => !NODES.some((node) => node.name === name));
      if (seed === undefined) throw new Error('there is no seed beside the nodes');
      platform.equip(seed);
      platform.takeLog();
      const { asked, machines } = withDead(site, ['n1', 'n2', 'n3', 'n4']);
      await cordonNode(optionsFor(site, 'n4', { machines }));
      expect(platform.takeLog()).toEqual([`${seed.name}: workctl cordoned n4`, `${seed.name}: workctl cordon n4`]);
      await uncordonNode(optionsFor(site, 'n4', { machines }));
      expect(platform.cordoned.size).toBe(0);
      expect(asked).toEqual([]);
    } finally {
      await site.end();
    }
  });

  it('is not noted as cordoned when no host can run the action, or when it fails', async () => {
    const site = await installed();
    const { machines } = withDead(site, ['n2', 'n3']);
    expect(await outcomeOf(cordonNode(optionsFor(site, 'n4', { machines })))).toMatch(
      /Cannot cordon "n4": no host can keep new work away \(n2: .*; n3: .*\)/,
    );
    site.platform.failsCordon = true;
    expect(await outcomeOf(cordonNode(optionsFor(site, 'n4')))).toContain('Cannot keep new work away for "worker" on "n4"');
    expect((await site.record()).hosts['n4']).not.toHaveProperty('cordoned');
    expect((await readHistory(site.options)).map(({ operation, outcome }) => `${operation} ${outcome}`)).toEqual([
      'install done',
      'node cordon failed',
    ]);
  });

  it.each([
    ['cordon', true],
    ['cordon', false],
    ['uncordon', true],
    ['uncordon', false],
  ] as const)('ends the same when the %s is killed at any command (carried out: %s) and run again', async (verb, carriedOut) => {
    const site = await installed();
    const { installer, platform } = site;
    const change = verb === 'cordon' ? cordonNode : uncordonNode;
    const back = verb === 'cordon' ? uncordonNode : cordonNode;
    let kills = 0;
    for (let at = 1; ; at += 1) {
      await back(optionsFor(site, 'n4'));
      installer.death = { at: installer.commands + at, carriedOut };
      const outcome = await outcomeOf(change(optionsFor(site, 'n4')));
      installer.death = undefined;
      if (outcome === 'done') break;
      kills += 1;
      // A note never says more than the platform was told.
      if ((await site.record()).hosts['n4']?.cordoned !== undefined && verb === 'cordon') expect([...platform.cordoned]).toEqual(['n4']);
      await change(optionsFor(site, 'n4'));
      expect([...platform.cordoned]).toEqual(verb === 'cordon' ? ['n4'] : []);
      expect((await site.record()).hosts['n4']?.cordoned === undefined).toBe(verb === 'uncordon');
    }
    expect(kills).toBeGreaterThanOrEqual(2);
  });

  it('stays cordoned through a restart, whose action gives it work again', async () => {
    const site = await installed();
    await cordonNode(optionsFor(site, 'n4'));
    site.platform.takeLog();
    await site.take(await bundleOf({ worker: '2' }));
    await site.run();
    expect(toldWorkers(site).filter((line) => line.includes('n4'))).toEqual([
      expect.stringMatching(/^n\d: workctl drain n4$/),
      expect.stringMatching(/^n\d: workctl undrain n4$/),
      expect.stringMatching(/^n\d: workctl cordoned n4$/),
      expect.stringMatching(/^n\d: workctl cordon n4$/),
    ]);
    expect([...site.platform.cordoned]).toEqual(['n4']);
    expect((await site.record()).hosts['n4']?.cordoned?.since).toBe(NOW);
    expect((await site.run()).changed).toBe(0);
  });

  it('stays cordoned through a restart of the container engine', async () => {
    const site = await installed();
    await cordonNode(optionsFor(site, 'n4'));
    await site.take(await bundleOf({ logDriver: 'journald' }));
    await site.run();
    expect([...site.platform.cordoned]).toEqual(['n4']);
    expect(site.platform.drained.size).toBe(0);
  });

  it.each(['start-components/n4/worker-start', 'actions/n4/worker-undrain'])(
    'is cordoned again by the next run where a run was stopped after %s, and a cordon in between owes it nothing',
    async (last) => {
      const site = await installed();
      await cordonNode(optionsFor(site, 'n4'));
      await site.take(await bundleOf({ worker: '2' }));
      const stop = new AbortController();
      const emit = (event: Event): void => {
        if (event.type === 'step.finished' && event.step === last) stop.abort(new Error('stopped'));
      };
      expect(await outcomeOf(site.run({ signal: stop.signal, emit }))).toContain('stopped');
      await cordonNode(optionsFor(site, 'n1', { force: true }));
      await site.run();
      expect([...site.platform.cordoned].sort()).toEqual(['n1', 'n4']);
      expect(site.platform.drained.size).toBe(0);
      expect((await site.run()).changed).toBe(0);
    },
  );
});

describe('a cordon is refused', () => {
  it('for the last node of a role that takes new work, unless it is forced', async () => {
    const site = await installed();
    await cordonNode(optionsFor(site, 'n4'));
    site.platform.takeLog();
    await expect(cordonNode(optionsFor(site, 'n1'))).rejects.toMatchObject({
      code: 'SITE_CONFLICT',
      message: expect.stringContaining('no other node of role work takes new work'),
    });
    expect(toldWorkers(site)).toEqual([]);
    await cordonNode(optionsFor(site, 'n1', { force: true }));
    expect([...site.platform.cordoned].sort()).toEqual(['n1', 'n4']);
  });

  it.each([
    ['cordon', cordonNode],
    ['uncordon', uncordonNode],
  ] as const)('as a %s of a node without a component that declares one, and of one that is not installed', async (verb, change) => {
    const site = await installed();
    await expect(change(optionsFor(site, 'n2'))).rejects.toMatchObject({
      code: 'SITE_CONFLICT',
      message: expect.stringContaining(`"at: ${verb}"`),
    });
    await expect(change(optionsFor(site, 'n5'))).rejects.toMatchObject({
      code: 'USAGE',
      message: `Cannot ${verb} "n5": the record of the site has no such node`,
    });
    expect(toldWorkers(site)).toEqual([]);
  });
});
