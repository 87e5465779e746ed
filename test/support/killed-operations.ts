import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { RunSummary } from '../../src/engine/index.ts';
import { adopt, backup, changeNode, reset, rollback, tryLogin, upgrade, type NodeChange } from '../../src/usecases/index.ts';
import { backupOptions, PASSPHRASE } from './backup-site.ts';
import { DATABASE_NODES, type TwoReleases } from './database-sites.ts';
import { inventory } from './model/checks.ts';
import { hardSite, type HardSite } from './hard-cases.ts';
import { lockMachine } from './locked-machine.ts';
import { type SampleNode } from './sample-install.ts';
import { outcomeOf } from './simulated-site.ts';

const N3: SampleNode = { name: 'n3', address: '10.0.0.13', roles: ['front'] };
const NODES: readonly SampleNode[] = [...DATABASE_NODES, N3];
const PASSWORD = 'correct horse battery';

const yes = async (): Promise<boolean> => true;

/** An operation of a site, killed and run again. */
export interface KilledOperation {
  readonly name: string;
  /** True for the first install: the site has bare machines. */
  readonly isFirst?: boolean;
  /** Machines of the site, of which the first is the seed; NODES by default. */
  readonly machines?: readonly SampleNode[];
  /** Nodes of the first install; all machines by default. */
  readonly declared?: readonly SampleNode[];
  /** Brings a site that was installed from the older release to the moment before the operation. */
  readonly prepare: (site: HardSite, releases: TwoReleases) => Promise<void>;
  readonly run: (site: HardSite, releases: TwoReleases) => Promise<unknown>;
  /** Number of changed steps of a run afterwards; 0 is right. Absent where the site is gone. */
  readonly again?: (site: HardSite) => Promise<{ readonly changed: number }>;
}

const ADD: NodeChange = { what: 'add', node: N3 };
const ADD_BY_PASSWORD: NodeChange = { ...ADD, login: { password: PASSWORD } };

/** Adds n3, which lets root in by a password that is used once. As the command does, it tries the login first. */
async function addByPassword(site: HardSite): Promise<unknown> {
  const machines = lockMachine(site, { name: 'n3', user: 'root', takes: ({ password }) => password === PASSWORD });
  const options = { ...site.options, machines };
  await tryLogin(options, ADD_BY_PASSWORD);
  return changeNode(options, ADD_BY_PASSWORD, yes);
}

/** Has n2 take the place of n3, a seed that was lost after a backup. */
async function loseSeed(site: HardSite): Promise<void> {
  await backup(backupOptions(site, backupOf(site), { withData: false }));
  site.unreachable.push('n3');
  await site.machine('n3').powerOff();
}

const backupOf = ({ options }: HardSite): string => join(options.connect.home, 'lost.gpg');

async function adoptLost(site: HardSite): Promise<RunSummary> {
  const { machines } = site.moveTo('n2', join(site.options.connect.home, 'seed-of-n2'));
  const source = { backup: { file: backupOf(site), opener: { passphrase: PASSPHRASE } } };
  const options = { ...site.options, machines, clusterPath: undefined, forget: ['n3'], source };
  return (await adopt(options, { approve: yes, approvePlan: yes })).summary;
}

const removeNode = async (site: HardSite): Promise<void> => site.declare(DATABASE_NODES);

export const KILLED_OPERATIONS: readonly KilledOperation[] = [
  { name: 'install', isFirst: true, prepare: async () => {}, run: (site) => site.run(), again: (site) => site.run() },
  {
    name: 'upgrade',
    prepare: (site, { newer }) => site.take(newer),
    run: (site, { newer }) => upgrade({ ...site.options, bundlePaths: [newer] }, yes),
    again: (site) => site.run(),
  },
  {
    name: 'rollback',
    prepare: async (site, { newer }) => {
      await site.take(newer);
      await upgrade({ ...site.options, bundlePaths: [newer] }, yes);
    },
    run: (site) => rollback({ ...site.options, bundlePaths: undefined }, yes),
    again: async (site) => site.install({ bundlePaths: undefined }),
  },
  { name: 'removal of a node', prepare: removeNode, run: (site) => site.run({ purge: true }), again: (site) => site.run() },
  {
    name: 'addition of a node',
    declared: DATABASE_NODES,
    prepare: async () => {},
    run: (site) => changeNode(site.options, ADD, yes),
    again: (site) => site.run(),
  },
  {
    name: 'addition of a node by a password',
    declared: DATABASE_NODES,
    prepare: async () => {},
    run: addByPassword,
    again: (site) => site.run(),
  },
  { name: 'adoption by a backup', machines: [N3, ...DATABASE_NODES], prepare: loseSeed, run: adoptLost, again: adoptLost },
  { name: 'reset', prepare: async () => {}, run: (site) => reset({ ...site.options, purge: true }, yes) },
];

/**
 * Kills an operation at `points` of its commands, spread over all (every command where points are more), runs it again, and
 * expects what an undisturbed one leaves: the same machines, the same migrations, nothing to do afterwards.
 */
export async function expectKillsHarmless(
  operation: KilledOperation,
  releases: TwoReleases,
  directory: string,
  points: number,
): Promise<number> {
  const { run, again } = operation;
  const whole = await prepared(operation, releases, directory);
  const before = whole.site.installer.commands;
  await run(whole.site, releases);
  const commands = whole.site.installer.commands - before;
  const stride = Math.max(1, Math.floor(commands / points));
  let kills = 0;
  for (let at = 1; at <= commands; at += stride) {
    const where = `${operation.name} killed at command ${at} of ${commands}`;
    const killed = await prepared(operation, releases, directory);
    killed.site.installer.death = { at: killed.site.installer.commands + at, carriedOut: at % 2 === 1 };
    const killedRun = await outcomeOf(run(killed.site, releases));
    expect(killedRun, where).not.toBe('done');
    killed.site.installer.death = undefined;
    expect(await outcomeOf(run(killed.site, releases)), `${where}, run again`).toBe('done');
    expect(stateOf(killed), where).toEqual(stateOf(whole));
    // Killed between an action and the note of it, a run does the action again: it has no probe.
    expect([...new Set(killed.site.platform.migrations)], where).toEqual(whole.site.platform.migrations);
    if (again !== undefined) expect(await again(killed.site), where).toMatchObject({ changed: 0 });
    else expect(inventories(killed.site), where).toEqual(killed.bare);
    kills += 1;
    await close(killed);
  }
  await close(whole);
  return kills;
}

interface Prepared {
  readonly site: HardSite;
  readonly own: string;
  /** Names of everything on each machine before the first install. */
  readonly bare: readonly (readonly string[])[];
}

async function prepared(
  { prepare, isFirst, machines = NODES, declared = machines }: KilledOperation,
  releases: TwoReleases,
  directory: string,
): Promise<Prepared> {
  const own = await mkdtemp(join(directory, 'own-'));
  const site = await hardSite(own, releases.older, machines);
  const bare = inventories(site);
  await site.declare(declared);
  if (isFirst !== true) await site.run();
  await prepare(site, releases);
  return { site, own, bare };
}

async function close({ site, own }: Prepared): Promise<void> {
  await site.end();
  await rm(own, { recursive: true, force: true });
}

function inventories({ machines }: HardSite): readonly (readonly string[])[] {
  return machines.map((machine) => [...inventory(machine)].sort());
}

/** State of all machines, without port and directory, which differ from one simulation to the next. */
function stateOf({ site, own }: Prepared): readonly string[] {
  return site.machines.map((machine) =>
    JSON.stringify(machine.state())
      .replaceAll(/(?<=depot\.sample\.internal[:_]|0\.0\.0\.0:)\d+/g, 'PORT')
      .replaceAll(/(?<=ssh-ed25519 )\S+/g, 'KEY')
      .replaceAll(own, 'OWN'),
  );
}
