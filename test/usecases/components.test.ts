import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { listComponents, moveComponent, planComponentMove, type ComponentMove } from '../../src/usecases/index.ts';
import { failureOf, HARD_IMAGES, hardManifests, hardSite, type HardSite } from '../support/hard-cases.ts';
import { writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { outcomeOf } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const bundles = useSharedTempDir();
const ending = useEnding<HardSite>();
let bundle: string;

/** The database has data, and the control, which runs on one node here, has none. The application names the host of the database. */
beforeAll(async () => {
  const texts = hardManifests();
  const control = (texts['components/control/component.yaml'] ?? '').replace('needs:', 'placement: one\nneeds:');
  const manifests = {
    ...texts,
    'components/control/component.yaml': control,
    'components/app/app.conf': 'tables=${first.db.address}\n',
  };
  bundle = await writeSampleBundle(join(bundles(), 'move.tar'), { manifests, images: HARD_IMAGES });
});

const NODES: readonly SampleNode[] = [
  { name: 'n1', address: '10.0.0.11', roles: ['front'] },
  { name: 'n2', address: '10.0.0.12', roles: ['data', 'control'] },
  { name: 'n3', address: '10.0.0.13', roles: ['data', 'control'] },
];

const ROWS = '/opt/sample/db/rows';
const EMPTY: ComponentMove = { component: 'db', from: 'n2', to: 'n3', beginEmpty: true };
const CONTROL: ComponentMove = { component: 'control', from: 'n2', to: 'n3' };

const yes = async (): Promise<boolean> => true;

async function installed(own = directory()): Promise<HardSite> {
  const site = ending(await hardSite(own, bundle, NODES));
  await site.run();
  site.machine('n2').write(ROWS, 'rows of years', 0o600);
  site.takeRestarts();
  site.platform.takeLog();
  return site;
}

/** The site's own bundle and cluster.yaml are used; ids of steps go into the log of the platform. */
function bare({ options, platform }: HardSite) {
  const emit: typeof options.emit = (event) => {
    if (event.type === 'step.finished' && event.outcome !== 'failed') platform.log.push(event.step);
  };
  return { ...options, bundlePaths: undefined, clusterPath: undefined, emit };
}

function clusterOf({ options }: HardSite): Promise<string> {
  return readFile(options.clusterPath, 'utf8');
}

function runsOn(site: HardSite, service: string): readonly string[] {
  return site.machines.filter(({ units }) => units.get(`${service}.service`)?.started !== undefined).map(({ name }) => name);
}

/** Steps of a component that start, check or remove it, in order. */
function stepsOf(site: HardSite, components: string): readonly string[] {
  const pattern = new RegExp(`^(start-components|check-components|remove)/n\\d/(${components})(-start)?$`);
  return site.platform.takeLog().filter((line) => pattern.test(line));
}

describe('a single component', () => {
  it('is listed with its node and its data', async () => {
    const site = await installed();
    const listed = await listComponents(bare(site));
    expect(listed.find(({ name }) => name === 'db')).toEqual({
      name: 'db',
      summary: 'Keeps tables',
      placement: 'one',
      nodes: ['n2'],
      data: { n2: ['/opt/sample/db'] },
    });
    expect(listed.find(({ name }) => name === 'docker')).toMatchObject({ placement: 'every', nodes: ['n1', 'n2', 'n3'], data: {} });
  });

  it('without data moves: it is healthy on the other node before it goes from the first', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    const { notes } = await planComponentMove(bare(site), CONTROL);
    expect(notes).toEqual([
      'control moves from n2 to n3: it has no data',
      'Until control is healthy on n3 and all that use it know that, it runs on n2, too',
      `${site.options.clusterPath} gets "n3" as the place of control`,
    ]);
    expect(await clusterOf(site)).toBe(before);
    await moveComponent(bare(site), CONTROL, yes);
    expect(stepsOf(site, 'control')).toEqual(['start-components/n3/control-start', 'check-components/n3/control', 'remove/n2/control']);
    expect(runsOn(site, 'control')).toEqual(['n3']);
    expect(await clusterOf(site)).toBe(`${before}place: { control: n3 }\n`);
    expect((await site.record()).placements['control']).toEqual(['n3']);
    expect((await moveComponent(bare(site), CONTROL, yes)).changed).toBe(0);
    expect((await site.run()).changed).toBe(0);
  });

  it('with data begins empty when that is asked for: its data stay, it is made anew, and its users are told before it goes', async () => {
    const site = await installed();
    const { notes } = await planComponentMove(bare(site), EMPTY);
    expect(notes[0]).toBe('db moves from n2 to n3: its data stay on n2, in /opt/sample/db, and are not used; it begins empty');
    await moveComponent(bare(site), EMPTY, yes);
    const steps = stepsOf(site, 'db|app');
    expect(steps).toEqual([
      'start-components/n3/db-start',
      'check-components/n3/db',
      'start-components/n1/app-start',
      'check-components/n1/app',
      'remove/n2/db',
    ]);
    // Its tables were made once on n2, and once on n3.
    expect(site.platform.initialised).toBe(1);
    expect((await site.record()).actions).toMatchObject([{ component: 'db', action: 'init' }]);
    expect(site.machine('n1').text('/opt/sample/app.conf')).toBe('tables=10.0.0.13\n');
    expect(site.machine('n2').text(ROWS)).toBe('rows of years');
    expect(runsOn(site, 'db')).toEqual(['n3']);
    expect((await site.run()).changed).toBe(0);
  });

  it('stays where it is when it does not get healthy on the other node, and goes on with the same command', async () => {
    const site = await installed();
    const n3 = site.machine('n3');
    const run = n3.run.bind(n3);
    n3.run = async (command, ...rest) => {
      if (command.argv[1] === 'pull' && command.argv.some((word) => word.includes('/db'))) throw new Error('the disk is full');
      return run(command, ...rest);
    };
    expect((await failureOf(moveComponent(bare(site), EMPTY, yes))).message).toContain('the disk is full');
    expect(runsOn(site, 'db')).toEqual(['n2']);
    expect(site.takeRestarts()).toEqual([]);
    n3.run = run;
    await moveComponent(bare(site), EMPTY, yes);
    expect(runsOn(site, 'db')).toEqual(['n3']);
    expect(site.machine('n2').text(ROWS)).toBe('rows of years');
  });

  it('does not move back onto data from before as if it were empty', async () => {
    const site = await installed();
    await moveComponent(bare(site), EMPTY, yes);
    const back = { component: 'db', to: 'n2', beginEmpty: true };
    expect((await failureOf(moveComponent(bare(site), back, yes))).message).toContain('n2: /opt/sample/db has data of "db" from before');
    expect(runsOn(site, 'db')).toEqual(['n3']);
  });

  // Every command with CAISSON_KILL_POINTS=1000; a few, spread over all, without.
  it.each([
    ['without data', CONTROL],
    ['that begins empty', EMPTY],
  ])(
    '%s ends the same when the move was killed at any command and is run again',
    async (_what, move) => {
      const { component } = move;
      const whole = await installed(await mkdtemp(join(directory(), 'whole-')));
      const before = whole.installer.commands;
      await moveComponent(bare(whole), move, yes);
      const commands = whole.installer.commands - before;
      const stride = Math.max(1, Math.floor(commands / Number(process.env['CAISSON_KILL_POINTS'] ?? 5)));
      for (let at = 1; at <= commands; at += stride) {
        const where = `after a kill at command ${at} of ${commands}`;
        const killed = await installed(await mkdtemp(join(directory(), 'killed-')));
        killed.installer.death = { at: killed.installer.commands + at, carriedOut: at % 2 === 1 };
        await outcomeOf(moveComponent(bare(killed), move, yes));
        killed.installer.death = undefined;
        expect(runsOn(killed, component).length, where).toBeGreaterThan(0);
        expect(killed.machine('n2').text(ROWS), where).toBe('rows of years');
        expect(await outcomeOf(moveComponent(bare(killed), move, yes)), where).toBe('done');
        expect(runsOn(killed, component), where).toEqual(['n3']);
        expect(killed.machine('n2').text(ROWS), where).toBe('rows of years');
        expect((await killed.record()).placements[component], where).toEqual(['n3']);
        expect(
          (await killed.record()).actions.map(({ action }) => action),
          where,
        ).toEqual(['init']);
        expect((await moveComponent(bare(killed), move, yes)).changed, where).toBe(0);
        await killed.end();
      }
    },
    900_000,
  );
});

describe('a move is refused', () => {
  it('where data would be left behind without a word, by the command and by an edit of the file', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    const { message } = await failureOf(moveComponent(bare(site), { component: 'db', to: 'n3' }, yes));
    expect(message).toContain('"db" has its data on "n2", in /opt/sample/db, and would start empty on "n3"');
    expect(message).toContain('caisson component move db --to n3 --begin-empty');
    expect(await clusterOf(site)).toBe(before);
    await writeFile(site.options.clusterPath, `${before}place: { db: n3, control: n3 }\n`);
    expect((await failureOf(site.run())).message).toContain('would start empty on "n3"');
    await writeFile(site.options.clusterPath, `${before}place: { control: n3 }\n`);
    await site.run();
    expect(runsOn(site, 'control')).toEqual(['n3']);
    expect(runsOn(site, 'db')).toEqual(['n2']);
  });

  it.each([
    [{ component: 'bd', to: 'n3' }, 'the platform has no such component'],
    [{ component: 'docker', to: 'n3' }, 'it runs on every node of its roles'],
    [{ component: 'db', from: 'n1', to: 'n3' }, 'it stands on "n2", and not on "n1"'],
    [{ component: 'db', to: 'n1', beginEmpty: true }, 'place.db: "n1" may not run "db" (give "n1" the role "data")'],
    [{ component: 'db', to: 'n9', beginEmpty: true }, 'place.db: there is no node "n9"'],
  ])('for %j', async (move, reason) => {
    const site = await installed();
    const before = await clusterOf(site);
    expect((await failureOf(moveComponent(bare(site), move, yes))).message).toContain(reason);
    expect(await clusterOf(site)).toBe(before);
    expect(runsOn(site, 'db')).toEqual(['n2']);
  });

  it('of an entry that names no single component', async () => {
    const site = await installed();
    await writeFile(site.options.clusterPath, `${await clusterOf(site)}place:\n  bd: n2\n  app: n1\n`);
    const { message } = await failureOf(site.run());
    expect(message).toContain('place.bd: the platform has no component "bd"');
    expect(message).toContain('place.app: "app" runs on every node of its roles, and not on one of them');
  });
});
