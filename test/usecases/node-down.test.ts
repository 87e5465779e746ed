import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  bringNodeUp,
  changeNode,
  cordonNode,
  listNodes,
  planNodeDown,
  readHistory,
  reset,
  takeNodeDown,
  uncordonNode,
  upgrade,
  type CordonOptions,
} from '../../src/usecases/index.ts';
import { seedLayout } from '../../src/site/index.ts';
import { failureOf, HARD_IMAGES, hardManifests, hardSite, impatientClock, type HardSite } from '../support/hard-cases.ts';
import { writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { outcomeOf } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const bundles = useSharedTempDir();
const ending = useEnding<HardSite>();
let bundle: string;

beforeAll(async () => {
  bundle = await writeSampleBundle(join(bundles(), 'hard.tar'), { manifests: hardManifests(), images: HARD_IMAGES });
});

const CONTROL: SampleNode = { name: 'n1', address: '10.0.0.11', roles: ['control'] };
/** Two nodes do the work, so that one may be down. */
const WORKERS: readonly SampleNode[] = [
  CONTROL,
  { name: 'n2', address: '10.0.0.12', roles: ['work'] },
  { name: 'n3', address: '10.0.0.13', roles: ['work'] },
];

async function siteOf(nodes: readonly SampleNode[], own = directory()): Promise<HardSite> {
  const site = ending(await hardSite(own, bundle, nodes));
  for (const { name, roles } of nodes) if (roles.includes('store')) site.platform.members.add(name);
  await site.run();
  site.platform.takeLog();
  return site;
}

const yes = async (): Promise<boolean> => true;

function optionsFor({ options, platform }: HardSite, node: string, changes: Partial<CordonOptions> = {}): CordonOptions {
  const { connect, clock, signal, machines } = options;
  const emit: CordonOptions['emit'] = (event) => {
    if (event.type === 'step.finished' && event.outcome === 'done') platform.log.push(event.step);
  };
  return { node, home: connect.home, clock, emit, signal, machines, ...changes };
}

/** The site's own bundle and cluster.yaml are used. */
function bare({ options }: HardSite) {
  return { ...options, bundlePaths: undefined, clusterPath: undefined };
}

function runningOn(site: HardSite, node: string): readonly string[] {
  const { units } = site.machine(node);
  return [...units]
    .filter(([, { started }]) => started !== undefined)
    .map(([name]) => name.replace(/\.service$/, ''))
    .filter((name) => !name.startsWith('caisson-'))
    .sort();
}

/** Steps that changed something and words to the platform, without the questions whether it is done. */
function logOf(site: HardSite): readonly string[] {
  return site.platform.takeLog().filter((line) => !line.includes('cordoned'));
}

describe('a node that is taken down', () => {
  it('gets no new work, and its components stop, dependents first, after the actions before that', async () => {
    const site = await siteOf(WORKERS);
    const { operations } = await site.record();
    expect(await planNodeDown(optionsFor(site, 'n2'))).toEqual({ node: 'n2', stops: ['worker', 'docker'], cordons: true, away: [] });
    expect(runningOn(site, 'n2')).toEqual(['docker', 'worker']);
    const { down } = await takeNodeDown(optionsFor(site, 'n2'), yes);
    expect(down).toEqual({ since: '2026-01-01T00:00:00.000Z', by: 'operator', cordoned: true, stopped: true });
    expect(logOf(site)).toEqual([
      'note-down/n2/begin',
      'n1: workctl cordon n2',
      'actions/n2/worker-cordon',
      'n1: workctl drain n2',
      'actions/n2/worker-drain',
      'stop-components/n2/worker',
      'stop-components/n2/docker',
      'note-down/n2/end',
    ]);
    expect(runningOn(site, 'n2')).toEqual([]);
    expect(runningOn(site, 'n3')).toEqual(['docker', 'worker']);
    const record = await site.record();
    expect(record.hosts['n2']?.down).toEqual(down);
    // What an install concludes from the last operation stays as it was; the history has the run.
    expect(record.operations).toEqual(operations);
    expect((await readHistory(bare(site))).map(({ operation }) => operation)).toEqual(['install', 'node down']);
    expect((await listNodes(bare(site))).nodes.find(({ name }) => name === 'n2')?.down).toEqual(down);
    expect((await takeNodeDown(optionsFor(site, 'n2'), yes)).changed).toBe(0);
  });

  it('is not touched before that is approved', async () => {
    const site = await siteOf(WORKERS);
    const { error } = await failureOf(takeNodeDown(optionsFor(site, 'n2'), async () => false));
    expect(error).toMatchObject({ code: 'INTERRUPTED' });
    expect(runningOn(site, 'n2')).toEqual(['docker', 'worker']);
    expect((await site.record()).hosts['n2']).not.toHaveProperty('down');
    expect(logOf(site)).toEqual([]);
  });

  it('stays down through a reboot, and when its agent reads its definitions again', async () => {
    const site = await siteOf(WORKERS);
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    const machine = site.machine('n2');
    machine.reboot();
    expect(machine.units.get('caisson-agent.service')?.started).toBeDefined();
    machine.reloadAgent();
    expect(runningOn(site, 'n2')).toEqual([]);
    await bringNodeUp(optionsFor(site, 'n2'));
    machine.reboot();
    expect(runningOn(site, 'n2')).toEqual(['docker', 'worker']);
  });

  it('is not started by a call to a socket of its engine, which comes up with it, before the engine', async () => {
    const texts = hardManifests();
    const engine = (texts['components/docker/component.yaml'] ?? '').replace('unit: docker,', 'unit: docker, sockets: [docker.socket],');
    const path = await writeSampleBundle(join(directory(), 'socket.tar'), {
      manifests: { ...texts, 'components/docker/component.yaml': engine },
      images: HARD_IMAGES,
    });
    const site = ending(await hardSite(directory(), path, WORKERS));
    await site.run();
    const { units, lines } = site.machine('n2');
    units.set('docker.socket', { enabled: true, started: 1, loaded: '', isPackaged: true });
    const socket = (): unknown => [units.get('docker.socket')?.enabled, units.get('docker.socket')?.started !== undefined];
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    expect(socket()).toEqual([false, false]);
    expect(lines.findIndex((line) => line.includes('disable --now --quiet -- docker.socket'))).toBeLessThan(
      lines.findIndex((line) => line.includes('disable --now --quiet -- docker.service')),
    );
    const before = lines.length;
    await bringNodeUp(optionsFor(site, 'n2'));
    expect(socket()).toEqual([true, true]);
    expect(lines.slice(before).filter((line) => line.includes(' start -- docker'))).toEqual([
      'systemctl --no-pager start -- docker.socket',
      'systemctl --no-pager start -- docker.service',
    ]);
    // The others have no such unit, which is no reason to fail.
    await takeNodeDown(optionsFor(site, 'n3'), yes);
    expect((await bringNodeUp(optionsFor(site, 'n3'))).changed).toBeGreaterThan(0);
  });

  it('comes up in the order of needs, each component healthy before the next, and gets work again', async () => {
    const site = await siteOf(WORKERS);
    const before = JSON.stringify(site.machine('n2').state());
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    site.platform.takeLog();
    await bringNodeUp(optionsFor(site, 'n2'));
    expect(logOf(site)).toEqual([
      'note-down/n2/begin',
      'start-components/n2/docker',
      'check-components/n2/docker',
      'start-components/n2/worker',
      'check-components/n2/worker',
      'n1: workctl undrain n2',
      'actions/n2/worker-undrain',
      'n1: workctl uncordon n2',
      'actions/n2/worker-uncordon',
      'note-down/n2/end',
    ]);
    expect(site.platform.cordoned.size + site.platform.drained.size).toBe(0);
    expect((await site.record()).hosts['n2']).not.toHaveProperty('down');
    site.machine('n2').files.delete('/var/lib/caisson/agent/held');
    expect(JSON.stringify(site.machine('n2').state())).toBe(before);
    expect((await site.run()).changed).toBe(0);
  });

  it('stays cordoned when it comes up where an operator had cordoned it before', async () => {
    const site = await siteOf(WORKERS);
    await cordonNode(optionsFor(site, 'n2'));
    const { down } = await takeNodeDown(optionsFor(site, 'n2'), yes);
    expect(down).not.toHaveProperty('cordoned');
    await bringNodeUp(optionsFor(site, 'n2'));
    expect([...site.platform.cordoned]).toEqual(['n2']);
    expect(site.platform.drained.size).toBe(0);
    expect((await site.record()).hosts['n2']?.cordoned).toBeDefined();
  });

  it('stays noted as down when a component does not get healthy, and comes up with the same command', async () => {
    const site = await siteOf(WORKERS);
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    site.machine('n2').sick.add('worker');
    const { message } = await failureOf(bringNodeUp(optionsFor(site, 'n2', { clock: impatientClock() })));
    expect(message).toContain('worker is unhealthy');
    expect((await site.record()).hosts['n2']?.down).toEqual({ since: '2026-01-01T00:00:00.000Z', by: 'operator', cordoned: true });
    site.machine('n2').sick.clear();
    await bringNodeUp(optionsFor(site, 'n2'));
    expect((await site.record()).hosts['n2']).not.toHaveProperty('down');
  });

  it.each([true, false])(
    'ends the same when down and up are killed at any command (carried out: %s) and run again',
    async (carriedOut) => {
      const site = await siteOf(WORKERS, await mkdtemp(join(directory(), 'killed-')));
      const { installer, platform } = site;
      const killedAt = async (at: number, work: () => Promise<unknown>): Promise<boolean> => {
        installer.death = { at: installer.commands + at, carriedOut };
        const outcome = await outcomeOf(work());
        installer.death = undefined;
        return outcome !== 'done';
      };
      let kills = 0;
      for (let at = 1, isOver = false; !isOver; at += 1) {
        const isDownKilled = await killedAt(at, () => takeNodeDown(optionsFor(site, 'n2'), yes));
        // Before anything stopped, the record says that it is down.
        if (runningOn(site, 'n2').length < 2) expect((await site.record()).hosts['n2']?.down, `killed at ${at}`).toBeDefined();
        await takeNodeDown(optionsFor(site, 'n2'), yes);
        expect(runningOn(site, 'n2'), `down killed at ${at}`).toEqual([]);
        expect((await site.record()).hosts['n2']?.down, `down killed at ${at}`).toMatchObject({ cordoned: true, stopped: true });
        expect([...platform.cordoned]).toEqual(['n2']);
        const isUpKilled = await killedAt(at, () => bringNodeUp(optionsFor(site, 'n2')));
        await bringNodeUp(optionsFor(site, 'n2'));
        expect(runningOn(site, 'n2'), `up killed at ${at}`).toEqual(['docker', 'worker']);
        expect((await site.record()).hosts['n2'], `up killed at ${at}`).not.toHaveProperty('down');
        expect(platform.cordoned.size + platform.drained.size, `up killed at ${at}`).toBe(0);
        kills += Number(isDownKilled) + Number(isUpKilled);
        isOver = !isDownKilled && !isUpKilled;
      }
      expect(kills).toBeGreaterThan(30);
      expect((await site.run()).changed).toBe(0);
    },
    300_000,
  );
});

describe('a run with a node that is down', () => {
  it('is refused, with nothing started there, until it is up', async () => {
    const site = await siteOf(WORKERS);
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    site.platform.takeLog();
    const refusals = [
      () => site.run(),
      () => upgrade(bare(site), yes),
      () => reset(bare(site), yes),
      () => changeNode(bare(site), { what: 'remove', name: 'n2' }, yes),
      () => changeNode(bare(site), { what: 'roles', name: 'n3', roles: ['work', 'control'] }, yes),
      () => uncordonNode(optionsFor(site, 'n2')),
    ];
    for (const refused of refusals) {
      const { message, error } = await failureOf(refused());
      expect(error).toMatchObject({ code: 'SITE_CONFLICT' });
      expect(message).toContain('caisson node up n2');
    }
    expect(runningOn(site, 'n2')).toEqual([]);
    expect(logOf(site)).toEqual([]);
    await bringNodeUp(optionsFor(site, 'n2'));
    expect((await site.run()).changed).toBe(0);
  });

  it('goes on where another machine takes its place, or where it is lost and removed', async () => {
    const site = await siteOf(WORKERS);
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    site.replaceMachine('n2', '10.0.0.99');
    await changeNode(bare(site), { what: 'replace', name: 'n2', address: '10.0.0.99' }, yes);
    expect(runningOn(site, 'n2')).toEqual(['docker', 'worker']);
    expect((await site.record()).hosts['n2']).not.toHaveProperty('down');
    // The platform knows the node by its name, so the new machine is uncordoned, as the other would have been.
    expect(site.platform.cordoned.size).toBe(0);
    expect((await site.record()).hosts['n2']).not.toHaveProperty('cordoned');
    await takeNodeDown(optionsFor(site, 'n3'), yes);
    await changeNode({ ...bare(site), forget: ['n3'] }, { what: 'remove', name: 'n3' }, yes);
    expect((await site.record()).hosts).not.toHaveProperty('n3');
  });
});

describe('a node that is down on a site whose seed lost something', () => {
  const HELD = '/var/lib/caisson/agent/held';

  it('comes up by the bundle that is named, where a seed that was restored has no copy, and by no other', async () => {
    const site = await siteOf(WORKERS);
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    await rm(seedLayout(site.seedRoot).bundles, { recursive: true });
    const { error } = await failureOf(bringNodeUp(optionsFor(site, 'n2')));
    expect(error).toMatchObject({ code: 'INPUT_UNREADABLE', hint: expect.stringContaining('caisson node up NAME --bundle FILE') });
    const texts = hardManifests({ worker: '2' });
    const other = await writeSampleBundle(join(directory(), 'other.tar'), { manifests: texts, images: HARD_IMAGES, version: '2' });
    const wrong = await failureOf(bringNodeUp({ ...optionsFor(site, 'n2'), bundlePaths: [other] }));
    expect(wrong.error).toMatchObject({ code: 'USAGE' });
    expect(runningOn(site, 'n2')).toEqual([]);
    await bringNodeUp({ ...optionsFor(site, 'n2'), bundlePaths: [bundle] });
    expect(runningOn(site, 'n2')).toEqual(['docker', 'worker']);
    expect(site.machine('n2').files.has(HELD)).toBe(false);
    await site.run();
    expect((await site.run()).changed).toBe(0);
  });

  it('starts again by an install, where the record was lost that it is down, and is uncordoned by hand', async () => {
    const site = await siteOf(WORKERS);
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    await rm(seedLayout(site.seedRoot).record);
    const warnings: string[] = [];
    await site.run({ emit: (event) => (event.type === 'warning' ? warnings.push(event.message) : undefined) });
    expect(warnings.join()).toContain('until caisson node uncordon NAME, and what was stopped starts');
    expect(runningOn(site, 'n2')).toEqual(['docker', 'worker']);
    expect(site.machine('n2').files.has(HELD)).toBe(false);
    expect((await site.run()).changed).toBe(0);
    await uncordonNode(optionsFor(site, 'n2'));
    expect(site.platform.cordoned.size).toBe(0);
  });
});

describe('taking a node down is refused without --force', () => {
  /** Nothing stopped, and no word went to the platform. */
  async function refusal(site: HardSite, node: string): Promise<string> {
    const before = runningOn(site, node);
    const { message, error } = await failureOf(takeNodeDown(optionsFor(site, node), yes));
    expect(error).toMatchObject({ code: 'SITE_CONFLICT' });
    expect(runningOn(site, node)).toEqual(before);
    expect(logOf(site)).toEqual([]);
    return message;
  }

  const TABLES: readonly SampleNode[] = [
    CONTROL,
    { name: 'n2', address: '10.0.0.12', roles: ['data'] },
    { name: 'n3', address: '10.0.0.13', roles: ['front'] },
  ];

  it('where it has the only host of a component that others need, with their names', async () => {
    const site = await siteOf(TABLES);
    expect(await refusal(site, 'n2')).toContain('n2: db would run on no node that is up, and without it these are away: app on n3');
    const { away } = await planNodeDown(optionsFor(site, 'n2', { force: true }));
    expect(away).toEqual(['away meanwhile, because what they need runs nowhere: app on n3']);
    await takeNodeDown(optionsFor(site, 'n2', { force: true }), yes);
    expect(runningOn(site, 'n2')).toEqual([]);
    // Nothing that runs needs the application.
    await takeNodeDown(optionsFor(site, 'n3'), yes);
    await bringNodeUp(optionsFor(site, 'n2'));
    await bringNodeUp(optionsFor(site, 'n3'));
    expect((await site.run()).changed).toBe(0);
  });

  it('where the last other one is down already, and where no other takes new work', async () => {
    const site = await siteOf([...WORKERS, { name: 'n4', address: '10.0.0.14', roles: ['control'] }]);
    await takeNodeDown(optionsFor(site, 'n4'), yes);
    site.platform.takeLog();
    expect(await refusal(site, 'n1')).toContain('control would run on no node that is up, and without it these are away: worker on n2, n3');
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    site.platform.takeLog();
    expect(await refusal(site, 'n3')).toContain('no other node of role work takes new work');
  });

  it('where a quorum would lose its majority: by its size, or because another member is not healthy', async () => {
    const nodes = ['n1', 'n2', 'n3'].map((name, index) => ({ name, address: `10.0.0.${index + 11}`, roles: ['store'] }));
    const site = await siteOf(nodes);
    site.machine('n3').sick.add('store');
    expect(await refusal(site, 'n2')).toContain('store would lose its majority: of its 3 members n1 stays healthy');
    site.machine('n3').sick.clear();
    await takeNodeDown(optionsFor(site, 'n2'), yes);
    site.platform.takeLog();
    expect(await refusal(site, 'n3')).toContain('store would lose its majority: of its 3 members n1 stays healthy');
    await bringNodeUp(optionsFor(site, 'n2'));
    expect([...site.platform.members]).toEqual(['n1', 'n2', 'n3']);
  });

  it('for a node that is not installed, and one that does not answer', async () => {
    const site = await siteOf(WORKERS);
    expect((await failureOf(takeNodeDown(optionsFor(site, 'n9'), yes))).message).toBe(
      'Cannot take down "n9": the record of the site has no such node',
    );
    const { machines } = site.options;
    if (machines === undefined) throw new Error('the site has no machines');
    const dead: typeof machines = {
      ...machines,
      connect: async (node, ...rest) => {
        if (node.name === 'n2') throw new Error('"n2" does not answer');
        return machines.connect(node, ...rest);
      },
    };
    const { error } = await failureOf(takeNodeDown(optionsFor(site, 'n2', { machines: dead, force: true }), yes));
    expect(error).toMatchObject({ code: 'HOSTS_UNFIT' });
    expect((await site.record()).hosts['n2']).not.toHaveProperty('down');
  });
});
