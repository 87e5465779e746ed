import { cpSync, rmSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openFileStore, seedLayout, type SiteRecord } from '../../../src/site/index.ts';
import type { SimulatedMachine } from '../simulated-machine.ts';
import { outcomeOf } from '../simulated-site.ts';
import type { KilledBundles } from './bundles.ts';
import type { KilledOperation, ReadySite } from './killed-operation.ts';

const COPY = { recursive: true, preserveTimestamps: true } as const;

export interface Kills {
  /** Commands of an undisturbed run. */
  readonly commands: number;
  /** Runs that were killed. */
  readonly kills: number;
}

/**
 * Kills an operation at `points` of its commands, spread over all (every command where points are more), runs it again, and
 * expects what an undisturbed one leaves: the same machines, record and files of the seed, and nothing to do afterwards.
 * Every run begins with the same site. What the process wrote after its death is taken back, as a kill -9 lets it write no more.
 */
export async function expectKillsHarmless(
  operation: KilledOperation,
  bundles: KilledBundles,
  directory: string,
  points: number,
): Promise<Kills> {
  const own = await mkdtemp(join(directory, 'own-'));
  const ready = await operation.ready(own, bundles);
  try {
    return await killAtPoints(operation.name, ready, own, points);
  } finally {
    await ready.site.end();
    await Promise.all(['', '.kept', '.death'].map((ending) => rm(`${own}${ending}`, { recursive: true, force: true })));
  }
}

async function killAtPoints(name: string, ready: ReadySite, own: string, points: number): Promise<Kills> {
  const { site, run, again, atDeath } = ready;
  const { installer } = site;
  const back = await site.keep();
  const before = installer.commands;
  await run();
  const commands = installer.commands - before;
  const whole = await endOf(ready, own);
  expect(await again(), `${name}, undisturbed`).toMatchObject({ changed: 0 });
  const stride = Math.max(1, Math.floor(commands / points));
  let kills = 0;
  for (let at = 1; at <= commands; at += stride) {
    const where = `${name} killed at command ${at} of ${commands}`;
    await back();
    const isKilled = await killedAt(ready, own, at);
    await atDeath?.();
    expect(await outcomeOf(run()), `${where}, run again`).toBe('done');
    expect(await endOf(ready, own), where).toEqual(whole);
    expect(await again(), where).toMatchObject({ changed: 0 });
    kills += Number(isKilled);
  }
  // Waits are by the clock, so that a run may have a few commands fewer than another.
  expect(kills, `${name}: kills`).toBeGreaterThan(0.9 * Math.min(points, commands) - 1);
  return { commands, kills };
}

/** Runs an operation that dies at a command. Resolves to false for a run that ended before. */
async function killedAt({ site, run }: ReadySite, own: string, at: number): Promise<boolean> {
  const { installer } = site;
  const atDeath = `${own}.death`;
  let isDead = false;
  installer.death = { at: installer.commands + at, carriedOut: at % 2 === 1 };
  installer.onDeath = () => {
    isDead = true;
    rmSync(atDeath, { recursive: true, force: true });
    cpSync(own, atDeath, COPY);
  };
  await outcomeOf(run());
  installer.death = undefined;
  if (!isDead) return false;
  await rm(own, { recursive: true, force: true });
  await cp(atDeath, own, COPY);
  return true;
}

interface End {
  readonly machines: readonly unknown[];
  readonly record: unknown;
  /** Paths of the files of the seed. */
  readonly files: readonly string[];
  readonly facts: unknown;
}

async function endOf(ready: ReadySite, own: string): Promise<End> {
  const { site, facts, seedRoot = site.seedRoot, except } = ready;
  const record = await openFileStore(seedLayout(seedRoot).record).read();
  return {
    machines: site.machines.map((machine) => [machine.name, stateOf(machine, except)]),
    record: record === undefined ? 'no record' : lasting(record),
    files: (await readdir(own, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(own.length + 1))
      .sort(),
    facts: facts?.(),
  };
}

/** The state of a machine, without the key pair of the site, which differs from one run to the next. */
function stateOf(machine: SimulatedMachine, except: RegExp | undefined): string {
  const { files, directories, ...rest } = machine.state();
  const compared = ([path]: readonly [string, ...unknown[]]): boolean => except?.test(path) !== true;
  return JSON.stringify({ ...rest, files: files.filter(compared), directories: directories.filter(compared) }).replaceAll(
    /(?<=ssh-ed25519 )\S+/g,
    'KEY',
  );
}

/** The record without what differs from one run to the next: digests of keys, times, and the history. */
function lasting({ hosts, placements, joined, values, settings, actions, bundle, previous, components }: SiteRecord): unknown {
  const named = Object.entries(hosts).map(([name, { owned, address, roles, cordoned, down, former }]) => [
    name,
    { address, roles, cordoned, down, former, owned: owned.map(({ digest: _, ...rest }) => JSON.stringify(rest)).sort() },
  ]);
  return {
    hosts: Object.fromEntries(named),
    placements,
    joined,
    values,
    settings,
    components,
    actions: actions.map(({ component, action, host, release }) => ({ component, action, host, release })),
    bundle: bundle?.digest,
    previous: previous?.digest,
  };
}
