import * as z from 'zod';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomNumbers } from '../../support/random-numbers.ts';
import type { Host } from '../../../src/host/index.ts';
import { imageExample, OWN_NAME } from '../resources/examples.ts';
import { connectToLab, describeOnLab } from '../resources/lab-kinds.ts';
import { CARRIED, type LabCluster } from '../scenario.ts';
import { planSteps, runInstall } from './installer.ts';
import { readData, spoilData, writeData, type DataPlaces, type KeptData } from './kept-data.ts';
import { changes, listHosts, type Untouched } from './host-list.ts';
import { KILL_SEED, runWithKills } from './kills.ts';
import { buildNewerBundle } from './newer-bundle.ts';
import { clusterState, containersOf, untilHealthy } from './observe.ts';
import { carryOver, openSite, siteWith, type GetSide, type Site } from './site.ts';

/** The seed stands beside the cluster, so that it has no data of components and can be lost. */
const CLUSTER: LabCluster = {
  name: 'lifetime',
  nodes: [
    { name: 'm1', roles: ['manage'] },
    { name: 'g1', roles: ['gateway'] },
    { name: 'c1', roles: ['compute'] },
  ],
  seed: 's1',
  spare: ['g2', 'c2'],
};
const PLACES: DataPlaces = { manager: 'm1', pusher: 'g1' };
const PASSPHRASE = `${CARRIED}/passphrase`;
const BACKUP = `${CARRIED}/seed.tar.gpg`;
const DATA_BACKUP = `${CARRIED}/data.tar.gpg`;
const AUTHORITY = '/etc/caisson/pki/ca.crt';
/** Longest time from the start of a restore to the kill; a restore of the lab takes about that long. */
const RESTORE_SECONDS = 1.2;

/** A restore of data goes on for so many events of steps at most, before it is killed: it has few steps. */
const MOST_RESTORE_EVENTS = 12;

/** Kills in a long life, at least. */
const LEAST_KILLS = 20;

const restored = z.object({ type: z.literal('result'), seed: z.string(), next: z.array(z.string()) });

export interface Lifetime {
  /** True for what takes minutes more: the contract of images on a node, an upgrade and the way back, and the end of the cluster. */
  readonly isLong: boolean;
  /** Kills of each addition of nodes, restore and removal, at most; of each other change there is one less. */
  readonly kills: number;
}

/** Registers the tests of a cluster that grows, changes roles, loses its seed and shrinks, with its data intact at each point. */
export function lifetime(side: GetSide, { kills, isLong }: Lifetime): void {
  const draw = randomNumbers(KILL_SEED);
  let site: Site;
  let untouched: Untouched;
  let data: KeptData;
  let total = 0;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
    untouched = await listHosts(siteWith(site, site.seed, ['m1', 'g1', 'c1', 'g2', 'c2']));
  });
  afterAll(async () => {
    await site?.stop();
  });

  /** Runs a command that is killed at moments drawn over its whole plan. */
  async function killedOver(words: readonly string[], most: number): Promise<void> {
    const steps = most === 0 ? 0 : (await planSteps(site, words)).ids.length;
    // Each step is heard of twice, when it begins and when it ends.
    const mostEvents = Math.max(1, Math.floor((2 * steps) / most));
    const { kills: killed, last } = await runWithKills(site, words, { kills: most, mostEvents, draw });
    console.log(`      ${words.slice(0, 3).join(' ')}: ${killed} kills, last run ${last.seconds.toFixed(1)} s`);
    total += killed;
  }

  async function change(words: readonly string[], most = kills): Promise<void> {
    await killedOver(words, most);
    await untilHealthy(site, 60_000);
  }

  async function expectDataKept(...pullers: readonly string[]): Promise<void> {
    expect(await readData(site, PLACES, pullers)).toEqual(data);
  }

  it('is installed by a seed beside it, and takes data', async () => {
    const ran = await runInstall(site);
    expect(ran.status, ran.stderr).toBe(0);
    console.log(`      installed three hosts from a seed beside them in ${Math.round(ran.seconds)} s`);
    await writeData(site, PLACES);
    data = await readData(site, PLACES, ['c1']);
    expect(data.rows.split('\n')).toHaveLength(201);
    expect(data.keys).toContain('value-2500');
    expect(Object.values(data.digests)).toEqual([expect.stringMatching(/^sha256:[0-9a-f]{64}$/), expect.stringMatching(/^sha256:/)]);
  });

  if (isLong) imageContract(side, () => site);

  it('puts back the data of a backup, with what was deleted after it', async () => {
    await site.bash('s1', 'umask 077; head -c 24 /dev/urandom | base64 > "$1"', PASSPHRASE);
    const made = await site.caisson('backup', '--output', DATA_BACKUP, '--passphrase-file', PASSPHRASE);
    expect(made.status, made.stderr).toBe(0);
    await spoilData(site, PLACES);
    const words = ['restore', DATA_BACKUP, '--passphrase-file', PASSPHRASE, '--data'];
    const { kills: killed, last } = await runWithKills(site, words, { kills: isLong ? kills : 0, mostEvents: MOST_RESTORE_EVENTS, draw });
    total += killed;
    console.log(`      restore --data: ${killed} kills, last run ${last.seconds.toFixed(1)} s`);
    await untilHealthy(site, 60_000);
    await expectDataKept('c1');
    const aside = await site.bash('m1', 'ls -d /opt/rainbond/data/*.before-restore-*; rm -r /opt/rainbond/data/*.before-restore-*');
    expect(aside).toContain('/opt/rainbond/data/etcd.before-restore-');
    expect((await runInstall(site, ['install', '--offline'])).result).toMatchObject({ changed: 0 });
  });

  it('gives a node another role, and takes it away again', async () => {
    await change(['node', 'roles', 'c1', '--role', 'compute,gateway'], kills - 1);
    expect((await containersOf(site, 'c1')).map(({ name }) => name)).toEqual(['etcd-proxy', 'rbd-dns', 'rbd-gateway']);
    expect(await gatewayAt(site, 'c1')).toContain('200 OK');
    await change(['node', 'roles', 'c1', '--role', 'compute'], kills - 1);
    expect((await containersOf(site, 'c1')).map(({ name }) => name)).toEqual(['etcd-proxy', 'rbd-dns']);
    expect((await site.try('c1', 'ss -Hlnt "sport = :443" | grep .')).stdout).toBe('');
    await expectDataKept('c1');
  });

  it('grows from three nodes to five', async () => {
    const declared = await site.caisson('node', 'add', 'c2', '--iip', site.address('c2'), '--role', 'compute');
    expect(declared.status, declared.stderr).toBe(0);
    site = siteWith(site, 's1', ['m1', 'g1', 'c1', 'c2', 'g2']);
    await change(['node', 'add', 'g2', '--iip', site.address('g2'), '--role', 'gateway', '--install']);
    expect((await containersOf(site, 'c2')).map(({ name }) => name)).toEqual(['etcd-proxy', 'rbd-dns']);
    expect((await containersOf(site, 'g2')).map(({ name }) => name)).toEqual(['etcd-proxy', 'rbd-dns', 'rbd-gateway']);
    expect(await reporting(site)).toEqual(['c1', 'c2', 'g1', 'g2', 'm1']);
    await expectDataKept('c2', 'g2');
  });

  it('loses its seed for good, and has another one from its backup', async () => {
    const made = await site.caisson('backup', '--output', BACKUP, '--passphrase-file', PASSPHRASE);
    expect(made.status, made.stderr).toBe(0);
    await carryToNewSeed('g2');
    await site.lab.lose('s1');
    site = siteWith(site, 'g2', site.nodes);

    const words = ['restore', BACKUP, '--passphrase-file', PASSPHRASE, '--new-seed'];
    const { kills: killed, last } = await runWithKills(site, words, { kills, mostEvents: 0, longestSeconds: RESTORE_SECONDS, draw });
    total += killed;
    console.log(`      restore: ${killed} kills, last run ${last.seconds.toFixed(1)} s`);
    const { seed, next } = restored.parse(last.lines.at(-1));
    expect(seed).toBe('g2');
    expect(next).toEqual([
      'Take depot.address out of cluster.yaml: the seed is a node now',
      'Where "depot.lifetime.internal" is lost for good: add --forget depot.lifetime.internal to the next run',
      'caisson install --offline --bundle FILE [--forget depot.lifetime.internal]',
    ]);
    await site.bash('g2', 'sed -i /^depot:/d "$1"', `${CARRIED}/cluster.yaml`);
    await change(['install', '--offline', '--bundle', `${CARRIED}/cluster.tar`, '--forget', 'depot.lifetime.internal'], kills - 1);
    await expectDataKept('c1', 'c2');
  });

  it('shrinks to three nodes by its new seed, and leaves nothing on those that go', async () => {
    for (const [node, most] of [
      ['c1', kills],
      ['g1', kills - 1],
    ] as const) {
      site = siteWith(
        site,
        'g2',
        site.nodes.filter((name) => name !== node),
      );
      await change(['node', 'remove', node, '--purge'], most);
    }
    expect(await reporting(site)).toEqual(['c2', 'g2', 'm1']);
    await expectDataKept('c2');
    const left = await listHosts(siteWith(site, 'g2', ['c1', 'g1']));
    for (const node of ['c1', 'g1']) expect([node, ...changes(untouched[node] ?? [], left[node] ?? [])]).toEqual([node]);
    expect((await runInstall(site, ['install', '--offline'])).result).toMatchObject({ changed: 0 });
  });

  if (isLong) {
    it('is upgraded and goes back', async () => {
      const { path, daemon } = await buildNewerBundle(side());
      await site.lab.copyTo('g2', path, `${CARRIED}/newer.tar`);
      const before = await site.bash('c2', 'cat /etc/docker/daemon.json');
      await change(['upgrade', '--bundle', `${CARRIED}/newer.tar`, '--unsigned']);
      expect(await site.bash('c2', 'cat /etc/docker/daemon.json')).toBe(daemon.trimEnd());
      await expectDataKept('c2');
      await change(['rollback']);
      expect(await site.bash('c2', 'cat /etc/docker/daemon.json')).toBe(before);
      await expectDataKept('c2');
      expect((await runInstall(site, ['install', '--offline'])).result).toMatchObject({ changed: 0 });
    });

    it('goes, and leaves the hosts as they were', async () => {
      const words = ['reset', '--bundle', `${CARRIED}/cluster.tar`, '--cluster', `${CARRIED}/cluster.yaml`, '--unsigned', '--purge'];
      await killedOver(words, kills);
      const left = await listHosts(site);
      for (const node of site.nodes) expect([node, ...changes(untouched[node] ?? [], left[node] ?? [])]).toEqual([node]);
      console.log(`      ${total} kills in the life of the cluster`);
      expect(total).toBeGreaterThanOrEqual(LEAST_KILLS);
    });
  }

  /** Takes the backup out of the seed, and brings to another machine what an engineer would. */
  async function carryToNewSeed(node: string): Promise<void> {
    const { bundle } = side();
    for (const path of [BACKUP, PASSPHRASE]) await carryOver(site, side(), path, node);
    await site.lab.copyTo(node, bundle.path, `${CARRIED}/cluster.tar`);
    await site.lab.copyTo(node, bundle.executable, `${CARRIED}/caisson`, 0o755);
  }
}

/** Nodes of which `caisson cluster` has a report. */
async function reporting(site: Site): Promise<readonly string[]> {
  const { components } = await clusterState(site);
  return [...new Set(Object.keys(components).map((name) => name.split('/')[0] ?? ''))].sort();
}

/** Asks the gateway of one node for the registry, under its name and with its certificate. */
async function gatewayAt(site: Site, node: string): Promise<string> {
  const script = `printf 'GET /v2/_catalog HTTP/1.0\\r\\nHost: goodrain.me\\r\\n\\r\\n' |
    openssl s_client -quiet -no-CAfile -no-CApath -CAfile "$2" -verify_return_error -verify_hostname goodrain.me -servername goodrain.me -connect "$1:443" 2>&1`;
  return (await site.try('m1', script, { parameters: [site.address(node), AUTHORITY] })).stdout;
}

/** The contract of images on a node with an engine and a depot, which has no image of the gateway. */
function imageContract(side: GetSide, getSite: () => Site): void {
  let host: Host | undefined;
  afterAll(() => host?.close());

  it('lets the tests log in to a node', async () => {
    host = await connectToLab(getSite().lab, 'c1');
    expect((await host.run({ argv: ['id', '-u'] })).stdout).toBe('0\n');
  });

  const wanted = () => {
    const image = side().manifest.images.find(({ name }) => name.includes('/rbd-gateway:'));
    const [platform] = image?.platforms ?? [];
    if (image === undefined || platform === undefined) throw new Error('The bundle has no image of the gateway');
    const source = `depot.lifetime.internal:5443/${image.name.replace(/:[^:/]*$/, '')}@${platform.manifest.digest}`;
    return { key: OWN_NAME, spec: { name: OWN_NAME, config: platform.config.digest, source } };
  };
  const getHost = (): Host => {
    if (host === undefined) throw new Error('The host is not there');
    return host;
  };
  describeOnLab('image', getHost, [imageExample(wanted, 'goodrain.me/rbd-dns:latest')]);
}
