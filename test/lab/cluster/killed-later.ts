import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { randomNumbers } from '../../support/random-numbers.ts';
import { CARRIED, clusterYaml, INSTALL } from '../scenario.ts';
import { changes, listHosts, type Untouched } from './host-list.ts';
import { runInstall } from './installer.ts';
import { KILL_SEED, runWithKills } from './kills.ts';
import { untilHealthy } from './observe.ts';
import { type GetSide, type Site } from './site.ts';

/** Kills of each of the two runs, at most: the run may end before the last. */
const KILLS = Number(process.env['CAISSON_KILLS'] ?? 6);
/** A run goes on for so many events of steps at most, before it is killed. */
const MOST_EVENTS = 12;

/** Registers the tests of a change and of a removal that are killed at drawn moments, on hosts where the cluster is installed. */
export function killedLater(getSite: () => Site, side: GetSide, untouched: () => Untouched): void {
  const draw = randomNumbers(KILL_SEED);
  let changed: readonly string[];

  beforeAll(async () => {
    const site = getSite();
    const local = join(side().connected.directory, 'killed-later.yaml');
    // The gateway moves to the compute host, and m1 computes, too.
    const yaml = clusterYaml(site.lab, site.cluster).replace('[manage]', '[manage, compute]').replace('[compute]', '[compute, gateway]');
    await writeFile(local, yaml.replace(/^.*name: g1.*\n/m, ''));
    await site.lab.copyTo(site.seed, local, `${CARRIED}/later.yaml`);
    changed = INSTALL.map((word) => (word.endsWith('/cluster.yaml') ? `${CARRIED}/later.yaml` : word));
  });

  const runKilled = async (words: readonly string[]): Promise<number> =>
    (await runWithKills(getSite(), words, { kills: KILLS, mostEvents: MOST_EVENTS, draw })).kills;

  it('a change that is killed at drawn moments ends as it was declared', async () => {
    const site = getSite();
    console.log(`      ${await runKilled([...changed, '--purge'])} kills of a change`);
    expect((await runInstall(site, changed)).result).toMatchObject({ changed: 0 });
    await untilHealthy(site, 60_000);
  });

  it('a removal that is killed at drawn moments leaves the hosts as they were', async () => {
    const site = getSite();
    const reset = ['reset', '--bundle', `${CARRIED}/cluster.tar`, '--cluster', `${CARRIED}/later.yaml`, '--unsigned', '--purge'];
    console.log(`      ${await runKilled(reset)} kills of a removal`);
    const now = await listHosts(site);
    for (const node of site.nodes) expect([node, ...changes(untouched()[node] ?? [], now[node] ?? [])]).toEqual([node]);
  });
}
