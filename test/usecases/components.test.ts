import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { listComponents, moveComponent, planComponentMove, type ComponentMove } from '../../src/usecases/index.ts';
import { failureOf, type HardSite } from '../support/hard-cases.ts';
import { movableSite, ROWS, runsOn, writeMovableBundle } from '../support/movable-components.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const bundles = useSharedTempDir();
const ending = useEnding<HardSite>();
let bundle: string;

beforeAll(async () => {
  bundle = await writeMovableBundle(bundles());
});

const EMPTY: ComponentMove = { component: 'db', from: 'n2', to: 'n3', beginEmpty: true };
const CONTROL: ComponentMove = { component: 'control', from: 'n2', to: 'n3' };

const yes = async (): Promise<boolean> => true;

async function installed(): Promise<HardSite> {
  return ending(await movableSite(directory(), bundle));
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
    // Agents learn where the needs of their services stand.
    expect(site.takeRestarts().filter((one) => !one.endsWith(' caisson-agent.service'))).toEqual([]);
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
