import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { planInstall } from '../../src/usecases/index.ts';
import { failureOf, HARD_IMAGES, hardManifests, hardSite, impatientClock, type HardChoices, type HardSite } from '../support/hard-cases.ts';
import { writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { outcomeOf } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const bundles = useSharedTempDir();
let number = 0;
const ending = useEnding<HardSite>();

async function bundleOf(choices: HardChoices = {}): Promise<string> {
  number += 1;
  return writeSampleBundle(join(bundles(), `${number}.tar`), {
    manifests: hardManifests(choices),
    images: HARD_IMAGES,
    version: `${number}`,
  });
}

const NODES: readonly SampleNode[] = [
  { name: 'n1', address: '10.0.0.11', roles: ['control'] },
  { name: 'n2', address: '10.0.0.12', roles: ['work'] },
  { name: 'n3', address: '10.0.0.13', roles: ['work'] },
];

async function installed(nodes: readonly SampleNode[] = NODES, choices: HardChoices = {}): Promise<HardSite> {
  const site = ending(await hardSite(directory(), await bundleOf(choices), nodes));
  await site.run();
  site.takeRestarts();
  return site;
}

/** What was told to the platform, and restarts and gates of a component, in order. */
function storyOf(site: HardSite, component: string): readonly string[] {
  const isStep = new RegExp(
    `^(start-components/n\\d/${component}-start|check-components/n\\d/${component}(-\\S+)?|remove/n\\d/${component})$`,
  );
  return site.platform.takeLog().filter((line) => line.includes('workctl') || isStep.test(line));
}

describe('a worker that is drained through another component', () => {
  it('is given work after its first gate, and is not drained before it ever ran', async () => {
    const site = await installed();
    const told = site.platform.takeLog().filter((line) => line.includes('workctl'));
    expect([...told].sort()).toEqual(['n1: workctl undrain n2', 'n1: workctl undrain n3']);
  });

  it('is drained before its restart and comes back after its gate, one host after the other', async () => {
    const site = await installed();
    site.platform.takeLog();
    await site.take(await bundleOf({ worker: '2' }));
    await site.run();
    expect(storyOf(site, 'worker').filter((line) => !line.startsWith('remove'))).toEqual(
      ['n2', 'n3'].flatMap((name) => [
        `n1: workctl drain ${name}`,
        `start-components/${name}/worker-start`,
        `check-components/${name}/worker`,
        `n1: workctl undrain ${name}`,
      ]),
    );
    expect(site.takeRestarts()).toEqual(expect.arrayContaining(['n2 worker.service', 'n3 worker.service']));
    expect(site.platform.drained.size).toBe(0);
    expect((await site.run()).changed).toBe(0);
  });

  it('is drained before the container engine restarts below it, one host after the other, as the plan says', async () => {
    const site = await installed();
    site.platform.takeLog();
    const newer = await bundleOf({ logDriver: 'journald' });
    await site.take(newer);
    const { consequences, plan } = await planInstall({ ...site.options, bundlePaths: [newer] });
    expect(consequences).toEqual([
      { host: 'n1', component: 'docker', what: 'restarts', unserved: [] },
      { host: 'n1', component: 'control', what: 'restarts', unserved: ['worker'] },
      ...['n2', 'n3'].flatMap((host) => ['docker', 'worker'].map((component) => ({ host, component, what: 'restarts', unserved: [] }))),
    ]);
    const ran: string[] = [];
    await site.run({ emit: (event) => event.type === 'step.finished' && ran.push(event.step) });
    expect(ran.sort()).toEqual(plan.steps.map(({ id }) => id).sort());
    const log = site.platform.takeLog();
    const mattering = log.filter((line) => /workctl|docker-start$|-after-docker$/.test(line) && !line.startsWith('actions/'));
    expect(mattering).toEqual([
      'start-components/n1/docker-start',
      'check-components/n1/control-after-docker',
      ...['n2', 'n3'].flatMap((name) => [
        `n1: workctl drain ${name}`,
        `start-components/${name}/docker-start`,
        `check-components/${name}/worker-after-docker`,
        `n1: workctl undrain ${name}`,
      ]),
    ]);
    const restarts = site.takeRestarts().filter((line) => !line.includes('caisson'));
    expect(restarts.sort()).toEqual(consequences.map(({ host, component }) => `${host} ${component}.service`).sort());
    expect((await site.run()).changed).toBe(0);
  });

  it('stops the roll at the first host that does not get well again', async () => {
    const site = await installed();
    site.machine('n2').sick.add('worker');
    await site.take(await bundleOf({ logDriver: 'journald' }));
    await failureOf(site.run({ clock: impatientClock() }));
    expect(site.takeRestarts()).not.toContain('n3 docker.service');
    expect([...site.platform.drained]).toEqual(['n2']);
    site.machine('n2').sick.clear();
    await site.run();
    expect(site.platform.drained.size).toBe(0);
    expect(site.takeRestarts()).toContain('n3 docker.service');
    expect((await site.run()).changed).toBe(0);
  });

  it.each(['start-components/n2/worker-start', 'start-components/n2/docker-start'])(
    'comes back although the run was stopped after %s',
    async (last) => {
      const site = await installed();
      await site.take(await bundleOf(last.includes('docker') ? { logDriver: 'journald' } : { worker: '2' }));
      const stop = new AbortController();
      const emit = (event: Event): void => {
        if (event.type === 'step.finished' && event.step === last) stop.abort(new Error('stopped'));
      };
      expect(await outcomeOf(site.run({ signal: stop.signal, emit }))).toContain('stopped');
      expect([...site.platform.drained]).toEqual(['n2']);
      await site.run();
      expect(site.platform.drained.size).toBe(0);
      site.platform.takeLog();
      expect((await site.run()).changed).toBe(0);
      expect(site.platform.takeLog().filter((line) => line.includes('workctl'))).toEqual([]);
    },
  );

  it('is drained before it is removed', async () => {
    const site = await installed();
    site.platform.takeLog();
    await site.declare(NODES.map((node) => (node.name === 'n3' ? { ...node, roles: ['control'] } : node)));
    await site.run();
    const story = storyOf(site, 'worker').filter((line) => line.includes('n3'));
    expect(story).toEqual(['n1: workctl drain n3', 'remove/n3/worker']);
    expect(site.machine('n3').units.has('worker.service')).toBe(false);
  });
});

describe('a change of a file', () => {
  const STORE: readonly SampleNode[] = [{ name: 'n1', address: '10.0.0.11', roles: ['store'] }];

  it('that a reload takes has the service reload and restarts nothing', async () => {
    const site = await installed(STORE);
    site.platform.takeLog();
    const newer = await bundleOf({ storeSettings: 'second' });
    await site.take(newer);
    expect((await planInstall({ ...site.options, bundlePaths: [newer] })).consequences).toEqual([]);
    await site.run();
    expect(site.platform.takeLog().filter((line) => line.includes('storectl'))).toEqual(['n1: storectl reload']);
    expect(site.takeRestarts().filter((line) => line.includes('store'))).toEqual([]);
    expect((await site.run()).changed).toBe(0);
  });

  it('that means nothing is written, and that is all', async () => {
    const site = await installed(STORE);
    site.platform.takeLog();
    const newer = await bundleOf({ storeNotes: 'second' });
    await site.take(newer);
    expect((await planInstall({ ...site.options, bundlePaths: [newer] })).consequences).toEqual([]);
    await site.run();
    expect(site.machine('n1').text('/opt/sample/store.notes')).toBe('second\n');
    expect(site.platform.takeLog().filter((line) => line.includes('storectl'))).toEqual([]);
    expect(site.takeRestarts().filter((line) => line.includes('store'))).toEqual([]);
  });

  it('that a reload of a unit takes drains nobody and restarts nothing', async () => {
    const site = await installed(NODES, { onDaemon: 'reload' });
    site.platform.takeLog();
    const newer = await bundleOf({ onDaemon: 'reload', logDriver: 'journald' });
    await site.take(newer);
    expect((await planInstall({ ...site.options, bundlePaths: [newer] })).consequences).toEqual([]);
    await site.run();
    expect(site.platform.takeLog().filter((line) => line.includes('workctl'))).toEqual([]);
    expect(site.takeRestarts().filter((line) => !line.includes('caisson'))).toEqual([]);
    expect(site.machine('n2').units.get('docker.service')?.reloaded).toBeDefined();
    expect((await site.run()).changed).toBe(0);
  });
});

describe('a need of some hosts', () => {
  const READERS: readonly SampleNode[] = [
    { name: 'n1', address: '10.0.0.11', roles: ['store'] },
    { name: 'n2', address: '10.0.0.12', roles: ['store'] },
    { name: 'n3', address: '10.0.0.13', roles: ['store'] },
    { name: 'n4', address: '10.0.0.14', roles: ['read'] },
  ];

  it.each([
    { enough: 'any', sick: ['n2', 'n3'], starts: true },
    { enough: 'any', sick: ['n1', 'n2', 'n3'], starts: false },
    { enough: 'quorum', sick: ['n3'], starts: true },
    { enough: 'quorum', sick: ['n2', 'n3'], starts: false },
  ] as const)('is met by $enough when $sick are not healthy: $starts', async ({ enough, sick, starts }) => {
    const site = ending(await hardSite(directory(), await bundleOf({ enough }), READERS));
    for (const name of sick) site.machine(name).sick.add('store');
    await failureOf(site.run({ clock: impatientClock() }));
    expect(site.machine('n4').units.has('reader.service')).toBe(starts);
    for (const name of sick) site.machine(name).sick.clear();
    await site.run();
    expect(site.machine('n4').units.has('reader.service')).toBe(true);
  });

  it('is waited for with patience only once those hosts have been started', async () => {
    const site = ending(await hardSite(directory(), await bundleOf({ enough: 'quorum' }), READERS));
    for (const name of ['n1', 'n2', 'n3']) {
      const machine = site.machine(name);
      const run = machine.run.bind(machine);
      machine.run = async (command, options) => {
        if (command.argv[0] === 'docker' && command.argv[1] === 'pull') await new Promise((resolve) => setTimeout(resolve, 2500));
        return run(command, options);
      };
    }
    await site.run({ clock: impatientClock() });
    expect(site.machine('n4').units.has('reader.service')).toBe(true);
  });
});
