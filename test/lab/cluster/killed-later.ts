import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { randomNumbers } from '../../support/random-numbers.ts';
import { CARRIED, clusterYaml, INSTALL } from '../scenario.ts';
import { runInstall } from './installer.ts';
import { KILL_SEED, runWithKills } from './kills.ts';
import { untilHealthy } from './observe.ts';
import { everywhere, type GetSide, type Site } from './site.ts';

/** Kills of each of the two runs, at most: the run may end before the last. */
const KILLS = Number(process.env['CAISSON_KILLS'] ?? 6);
/** A run goes on for so many events of steps at most, before it is killed. */
const MOST_EVENTS = 12;

/** The paths of each host before anything was installed. */
export type Untouched = Readonly<Record<string, readonly string[]>>;

/** Lists what may not differ after a removal: type, mode, owner, target and path, and for settings the content. */
const LIST_HOST = `
find / -xdev \\( -path /run -o -path /tmp -o -path /var/tmp -o -path "$1" \\) -prune -o -printf '%y %m %U:%G %l %p\\n'
find /etc /opt /home /root /usr/local -xdev \\( -path /etc/ssl -o -path "$1" \\) -prune -o -type f -print0 | xargs -0 sha256sum
systemctl list-unit-files --no-legend --no-pager
ss --listening --tcp --udp --numeric --no-header | awk '{ print $1, $5 }'`;

/**
 * What stays after a removal, and why. Packages are removed as their package manager does it: what their own scripts made
 * and a purge leaves is theirs, and a package that was there before stays at its newer version.
 */
const STAYS: readonly (readonly [string, RegExp])[] = [
  ['the journal of the seed', /^\/var\/lib\/caisson(\/journal\.jsonl)?$/],
  ['records of the package manager', /^\/var\/(lib\/(dpkg|apt)|cache\/(apt|debconf|ldconfig|man))(\/|$)/],
  ['logs and what systemd notes', /^\/var\/(log|lib\/systemd)(\/|$)|^\/etc\/\.pwd\.lock$/],
  ['what a purge of docker.io and containerd leaves', /^\/(var\/lib\/(docker|containerd)|etc\/(docker|cni))(\/|$)/],
  ['the group of docker.io', /^\/etc\/g(roup|shadow)-?$/],
  ['certificates of a newer ca-certificates', /^\/(usr\/share|etc)\/(ca-certificates|ssl)|^\/usr\/share\/(doc|man)(\/|$)/],
  ['the cache of the linker', /^\/etc\/ld\.so\.cache$/],
];

export async function listHosts(site: Site): Promise<Untouched> {
  return everywhere(site, async (node) => (await site.bash(node, LIST_HOST, CARRIED)).split('\n'));
}

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
    const reset = ['reset', '--bundle', `${CARRIED}/cluster.tar`, '--cluster', `${CARRIED}/later.yaml`, '--purge'];
    console.log(`      ${await runKilled(reset)} kills of a removal`);
    const now = await listHosts(site);
    for (const node of site.nodes) expect([node, ...changes(untouched()[node] ?? [], now[node] ?? [])]).toEqual([node]);
  });
}

/** The lines that came, with +, and those that went, with -, other than those that stay by STAYS. */
export function changes(before: readonly string[], after: readonly string[]): readonly string[] {
  const lines = (from: readonly string[], known: ReadonlySet<string>, sign: string): readonly string[] =>
    from.filter((line) => !known.has(line) && !mayStay(line)).map((line) => `${sign} ${line}`);
  return [...lines(after, new Set(before), '+'), ...lines(before, new Set(after), '-')];
}

function mayStay(line: string): boolean {
  const path = line.slice(line.indexOf('/'));
  return STAYS.some(([, pattern]) => pattern.test(path));
}
