import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomNumbers } from '../../support/random-numbers.ts';
import { CARRIED, type LabCluster } from '../scenario.ts';
import { runInstall } from './installer.ts';
import { readData, writeData, type DataPlaces, type KeptData } from './kept-data.ts';
import { KILL_SEED, runWithKills } from './kills.ts';
import { containersOf, untilHealthy } from './observe.ts';
import { carryOver, openSite, siteWith, type GetSide, type Site } from './site.ts';

/** The first seed stands beside the cluster and the second is a node without data, so that both can be lost with nothing else. */
const CLUSTER: LabCluster = {
  name: 'adopted',
  nodes: [
    { name: 'm1', roles: ['manage'] },
    { name: 'g1', roles: ['gateway'] },
    { name: 'c1', roles: ['compute'] },
    { name: 'c2', roles: ['compute'] },
  ],
  seed: 's1',
};
const PLACES: DataPlaces = { manager: 'm1', pusher: 'g1' };
const PASSPHRASE = `${CARRIED}/passphrase`;
const BACKUP = `${CARRIED}/seed.tar.gpg`;
const BUNDLE = `${CARRIED}/cluster.tar`;
const KEYS = `${CARRIED}/authorities.tar`;
const INSTALLED = '/usr/local/bin/caisson';
const BUNDLES = '/var/lib/caisson/bundles';
/** Kills of each adoption, at most. */
const KILLS = 2;
/** An adoption goes on for so many events of steps at most, before it is killed. */
const MOST_EVENTS = 30;

/** Registers the tests of a cluster that loses its seed twice, and goes on by a node, then by the manager with its copy of the bundle. */
export function adopted(side: GetSide): void {
  const draw = randomNumbers(KILL_SEED);
  let site: Site;
  let data: KeptData;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
  });
  afterAll(async () => {
    await site?.stop();
  });

  it('brings a verified copy of the bundle to the manager, and to no other node', async () => {
    const ran = await runInstall(site);
    expect(ran.status, ran.stderr).toBe(0);
    const copied = ran.finished.filter(([id]) => id.startsWith('copy-bundle/'));
    expect(copied.map(([id, outcome]) => [id.split('/')[1], outcome])).toEqual([['m1', 'done']]);
    expect(await copiesOn(site, 'm1')).toEqual([await digestOfFile(side().bundle.path)]);
    for (const node of ['g1', 'c1', 'c2']) expect(await copiesOn(site, node)).toEqual([]);
    await writeData(site, PLACES);
    data = await readData(site, PLACES, ['c2']);
  });

  it('goes on by a node, from a backup of its lost seed', async () => {
    await site.bash('s1', 'umask 077; head -c 24 /dev/urandom | base64 > "$1"', PASSPHRASE);
    const made = await site.caisson('backup', '--output', BACKUP, '--passphrase-file', PASSPHRASE);
    expect(made.status, made.stderr).toBe(0);
    for (const path of [BACKUP, PASSPHRASE]) await carryOver(site, side(), path, 'c1');
    await site.lab.copyTo('c1', side().bundle.path, BUNDLE);
    await site.lab.lose('s1');
    site = await seedAt(site, 'c1', site.nodes);
    const given = ['--backup', BACKUP, '--passphrase-file', PASSPHRASE, '--bundle', BUNDLE];
    await adopt(['adopt', ...given, '--forget', 'depot.adopted.internal']);
    expect(await site.bash('c1', 'grep ^depot: "$1"', `${CARRIED}/cluster.yaml`)).toContain(site.address('c1'));
    await isInForce('c1');
  });

  it('can be changed from there', async () => {
    await change(['node', 'roles', 'c2', '--role', 'compute,gateway']);
    expect((await containersOf(site, 'c2')).map(({ name }) => name)).toEqual(['etcd-proxy', 'rbd-dns', 'rbd-gateway']);
  });

  it('goes on by its manager, from the keys of the authorities, what the hosts know, and the copy of the bundle there', async () => {
    await site.bash('c1', 'umask 077; tar -C /var/lib/caisson -cf "$1" authorities', KEYS);
    for (const name of ['cluster.yaml', 'identity', 'known_hosts', basename(KEYS)])
      await carryOver(site, side(), `${CARRIED}/${name}`, 'm1');
    await site.bash('m1', 'tar -C "$2" -xf "$1"; rm "$1"', KEYS, CARRIED);
    await site.lab.lose('c1');
    site = await seedAt(site, 'm1', ['m1', 'g1', 'c2']);
    await adopt(['adopt', '--authority-key', `${CARRIED}/authorities`, '--cluster', `${CARRIED}/cluster.yaml`, '--forget', 'c1']);
    await isInForce('m1');
  });

  it('can be changed from there, too', async () => {
    await change(['node', 'roles', 'c2', '--role', 'compute']);
    expect((await containersOf(site, 'c2')).map(({ name }) => name)).toEqual(['etcd-proxy', 'rbd-dns']);
  });

  async function adopt(words: readonly string[]): Promise<void> {
    const { kills, last } = await runWithKills(site, words, { kills: KILLS, mostEvents: MOST_EVENTS, draw });
    console.log(`      ${words.slice(0, 2).join(' ')}: ${kills} kills, last run ${last.seconds.toFixed(1)} s`);
  }

  /** The seed says that there is nothing to do, and has the bundle of the copy. */
  async function isInForce(seed: string): Promise<void> {
    await untilHealthy(site, 60_000);
    const again = await runInstall(site, ['install', '--offline']);
    expect(again.status, again.stderr).toBe(0);
    expect(again.result).toMatchObject({ changed: 0 });
    expect(new Set(again.finished.map(([, outcome]) => outcome))).toEqual(new Set(['already']));
    expect(await copiesOn(site, seed)).toEqual([await digestOfFile(side().bundle.path)]);
    expect(await readData(site, PLACES, ['c2', 'g1'])).toEqual(data);
  }

  async function change(words: readonly string[]): Promise<void> {
    const ran = await runInstall(site, words);
    expect(ran.status, ran.stderr).toBe(0);
    expect(ran.result?.changed).toBeGreaterThan(0);
    await untilHealthy(site, 60_000);
    expect(await readData(site, PLACES, ['c2'])).toEqual(data);
  }
}

/** The same hosts with this node as the seed, which runs the executable that was installed on it. */
async function seedAt(site: Site, node: string, nodes: readonly string[]): Promise<Site> {
  await site.bash(node, 'ln -sf "$2" "$1/caisson"', CARRIED, INSTALLED);
  return siteWith(site, node, nodes);
}

/** SHA-256 of the bundles that a node keeps. */
async function copiesOn(site: Site, node: string): Promise<readonly string[]> {
  const listed = await site.bash(node, 'find "$1" -name "*.tar*" -type f -exec sha256sum {} + 2>/dev/null | sort || true', BUNDLES);
  return listed.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')[0] ?? '']));
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
