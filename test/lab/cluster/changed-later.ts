import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CARRIED, clusterYaml, INSTALL } from '../scenario.ts';
import { downtimeOf, type ServedPort } from './downtime.ts';
import { planSteps, runInstall } from './installer.ts';
import { buildNewerBundle } from './newer-bundle.ts';
import { containersOf, startTimes, untilHealthy } from './observe.ts';
import { everywhere, type GetSide, type Side, type Site } from './site.ts';

const INSTALL_NEWER = INSTALL.map((word) => (word.endsWith('/cluster.tar') ? `${CARRIED}/newer.tar` : word));
const DATABASE_SECRET = '/var/lib/caisson/secrets/db-root';

const SERVED: readonly ServedPort[] = [
  { component: 'etcd', node: 'm1', port: 2379 },
  { component: 'rbd-db', node: 'm1', port: 3306 },
  { component: 'rbd-hub', node: 'm1', port: 5000 },
  { component: 'rbd-gateway', node: 'g1', port: 443 },
];

/** Registers the tests of changes to a cluster that runs: what would do harm is refused, all else is planned truly. */
export function changedLater(getSite: () => Site, side: GetSide): void {
  const writeCluster = async (text: string, name: string): Promise<readonly string[]> => {
    const local = join(side().connected.directory, name);
    await writeFile(local, text);
    await getSite().lab.copyTo('m1', local, `${CARRIED}/${name}`);
    return INSTALL.map((word) => (word.endsWith('/cluster.yaml') ? `${CARRIED}/${name}` : word));
  };
  const yaml = (): string => clusterYaml(getSite().lab, getSite().cluster);

  describe('an install of the same files from another node', () => {
    it('is refused with the name of the site and its seed, and nothing is changed', async () => {
      const site = getSite();
      const before = await everywhere(site, (node) => startTimes(site, node));
      const secret = await site.bash('m1', 'sha256sum "$1"', DATABASE_SECRET);
      await site.bash('g1', 'mkdir -p "$1"', CARRIED);
      await carryTo(site, side(), 'g1');
      const { status, stderr } = await site.try('g1', `cd ${CARRIED} && ./caisson ${INSTALL.join(' ')} --yes`);
      expect(status, stderr).toBe(6);
      expect(stderr).toMatch(/SITE_CONFLICT/);
      for (const node of site.nodes)
        expect(stderr).toMatch(new RegExp(`^ {2}${node}: it belongs to site "lab" .* whose seed is "m1"`, 'm'));
      await site.bash('g1', 'rm -r "$1"', CARRIED);
      expect(await site.bash('m1', 'sha256sum "$1"', DATABASE_SECRET)).toBe(secret);
      expect(await everywhere(site, (node) => startTimes(site, node))).toEqual(before);
    });
  });

  describe('another order of nodes, another name, another directory of data', () => {
    it('moves nothing that is placed once', async () => {
      const site = getSite();
      const c1 = `  - { name: c1, address: ${site.address('c1')}, roles: [manage, compute] }`;
      // etcd has an odd number of members.
      const moved = yaml()
        .split('\n')
        .filter((line) => !line.includes('name: c1'))
        .join('\n')
        .replace('nodes:', `nodes:\n${c1}`)
        .replace('roles: [gateway]', 'roles: [manage, gateway]');
      const plan = await planSteps(site, await writeCluster(moved, 'moved.yaml'));
      expect(plan.ids.filter((id) => /rbd-db|rbd-hub|rbd-monitor/.test(id) && id.includes('/c1/'))).toEqual([]);
      // A member of etcd needs no proxy, which leaves its port to it.
      const proxies = ['c1', 'g1'].map((node) => `etcd-proxy on ${node} is removed`);
      expect(plan.consequences.filter((line) => /etcd|rbd-db|rbd-hub/.test(line)).sort()).toEqual(proxies);
    });

    it.each([
      ['name', (text: string) => text.replace('name: lab', 'name: other'), /this site is "lab", and "other" is asked for/],
      ['root', (text: string) => text.replace('nodes:', 'variables: { root: /srv/other }\nnodes:'), /would start empty in \/srv\/other/],
    ])('refuses another %s', async (what, change, words) => {
      const site = getSite();
      const install = await writeCluster(change(yaml()), `${what}.yaml`);
      const ran = await site.caisson(...install, '--yes');
      expect(ran.status, ran.stderr).toBe(6);
      expect(ran.stderr).toMatch(words);
      await untilHealthy(site, 30_000);
    });
  });

  describe('an upgrade to a bundle with another daemon.json, and the way back', () => {
    const upgrade = ['upgrade', '--bundle', `${CARRIED}/newer.tar`, '--unsigned'];

    it('restarts the engine of one host after the other, as the plan says, each seen healthy again before the next', async () => {
      const site = getSite();
      const { daemon, path } = await buildNewerBundle(side());
      await site.lab.copyTo('m1', path, `${CARRIED}/newer.tar`);
      const plan = await planSteps(site, upgrade);
      expect(plan.consequences).toEqual(expect.arrayContaining(site.nodes.map((node) => `docker on ${node} restarts`)));
      expect(plan.consequences).toEqual(
        expect.arrayContaining(['etcd on m1 restarts', 'rbd-db on m1 restarts', 'rbd-gateway on g1 restarts']),
      );

      await changesHostAfterHost(site, upgrade, plan.ids);
      expect((await runInstall(site, INSTALL_NEWER)).result).toMatchObject({ changed: 0 });
      expect(await site.bash('g1', 'cat /etc/docker/daemon.json')).toBe(daemon.trimEnd());
    });

    it('goes back to the bundle before, which the seed kept, in the same way', async () => {
      const site = getSite();
      await site.bash('m1', 'rm "$1"', `${CARRIED}/cluster.tar`);
      const plan = await planSteps(site, ['rollback']);
      await changesHostAfterHost(site, ['rollback'], plan.ids);
      expect(await site.bash('g1', 'cat /etc/docker/daemon.json')).toContain('"max-concurrent-downloads"');
      expect((await runInstall(site, ['install', '--offline'])).result).toMatchObject({ changed: 0 });
      await site.lab.copyTo('m1', side().bundle.path, `${CARRIED}/cluster.tar`);
    });
  });

  describe('a node and a role that are taken away', () => {
    it('leave nothing behind: no agent, no container, no certificate, no unit', async () => {
      const site = getSite();
      const without = yaml()
        .split('\n')
        .filter((line) => !line.includes('name: c1'))
        .join('\n')
        .replace('roles: [manage]', 'roles: [manage, gateway]')
        .replace('roles: [gateway]', 'roles: [compute]');
      const install = (await writeCluster(without, 'without.yaml')).map((word) =>
        word.endsWith('/cluster.tar') ? `${CARRIED}/newer.tar` : word,
      );
      const plan = await planSteps(site, install);
      expect(plan.consequences).toEqual(
        expect.arrayContaining(['rbd-gateway on g1 is removed', 'rbd-dns on c1 is removed', 'docker on c1 is removed']),
      );
      const ran = await runInstall(site, install);
      expect(ran.status, ran.stderr).toBe(0);
      const left =
        'ls -d /etc/caisson /var/lib/caisson /opt/rainbond /usr/local/bin/caisson /etc/systemd/system/caisson-agent.service 2>/dev/null || true';
      expect(await site.bash('c1', left)).toBe('');
      expect(await site.bash('c1', 'grep -c caisson /etc/hosts || true; command -v docker || true')).toBe('0');
      expect((await containersOf(site, 'g1')).map(({ name }) => name)).toEqual(['etcd-proxy', 'rbd-dns']);
      expect((await containersOf(site, 'm1')).map(({ name }) => name)).toContain('rbd-gateway');
      const { stdout } = await site.caisson('history');
      expect(stdout).toMatch(/install +done/);
    });
  });
}

/** What a field engineer would carry to another node than the seed. */
async function carryTo({ lab, cluster }: Site, { bundle, connected }: Side, node: string): Promise<void> {
  await lab.copyTo(node, bundle.path, `${CARRIED}/cluster.tar`);
  await lab.copyTo(node, bundle.executable, `${CARRIED}/caisson`, 0o755);
  const yaml = join(connected.directory, 'elsewhere.yaml');
  await writeFile(yaml, clusterYaml(lab, cluster));
  await lab.copyTo(node, yaml, `${CARRIED}/cluster.yaml`);
  await lab.copyTo(node, lab.identityFile, `${CARRIED}/identity`, 0o600);
  await lab.copyTo(node, lab.knownHostsFile, `${CARRIED}/known_hosts`);
}

/** Runs the planned steps, and expects that at most one host of a component was down at a time. */
async function changesHostAfterHost(site: Site, words: readonly string[], planned: readonly string[]): Promise<void> {
  const downtime = await downtimeOf(site, SERVED, async () => {
    const ran = await runInstall(site, words);
    expect(ran.status, ran.stderr).toBe(0);
    expect(ran.finished.map(([id]) => id).sort()).toEqual([...planned].sort());
  });
  console.log(`      ${words[0] ?? ''}: seconds without service: ${JSON.stringify(downtime)}`);
  const times = await everywhere(site, (node) => restartSpan(site, node));
  const spans = Object.values(times).sort((left, right) => left.engine - right.engine);
  // By the clock that all hosts of the lab share: a host's engine restarts after the containers of the one before are up.
  for (const [index, span] of spans.entries()) expect(span.engine).toBeGreaterThanOrEqual(spans[index - 1]?.containers ?? 0);
  await untilHealthy(site, 60_000);
  expect(await site.bash('m1', 'docker exec etcd etcdctl get --print-value-only lab/key')).toBe('value');
}

interface RestartSpan {
  /** Seconds since the epoch when the engine was started last. */
  readonly engine: number;
  /** The same for the last of its containers. */
  readonly containers: number;
}

async function restartSpan(site: Site, node: string): Promise<RestartSpan> {
  const script = `date -d "$(systemctl show --property=ActiveEnterTimestamp --value docker)" +%s
    docker ps -q | xargs -r docker inspect --format '{{.State.StartedAt}}' | while read -r time; do date -d "$time" +%s; done`;
  const [engine = 0, ...containers] = (await site.bash(node, script)).split('\n').map(Number);
  return { engine, containers: Math.max(engine, ...containers) };
}
