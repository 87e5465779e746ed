import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { proveAirGap } from '../air-gap.ts';
import { openOutside, type Outside } from '../outside.ts';
import { aptMirror } from '../prerequisites.ts';
import { run } from '../run.ts';
import { CARRIED, mirrorFlags, THREE_ROLES, type LabCluster } from '../scenario.ts';
import { repositoryRoot } from '../state.ts';
import { planSteps, runInstall, type InstallReport } from './installer.ts';
import { containersOf, promised, startTimes, untilHealthy, watchFiles } from './observe.ts';
import { everywhere, frozenLock, openSite, type GetSide, type Side, type Site } from './site.ts';

const CLUSTER: LabCluster = { ...THREE_ROLES, name: 'online' };
const DEPOT = 'depot.online.internal:5443';
const AUTHORITY = '/etc/caisson/pki/ca.crt';
const LOCK = `${CARRIED}/bundle.lock.json`;
/** Of the packages that every host of the cluster takes, and of no other name. */
const PACKAGE = '/docker.io_';

/** Asks the depot, whose name is NAME:PORT in "$1", for the path "$2" as a host does, trusting the authority in "$3". */
const ASK = `printf 'GET %s HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' "$2" "$1" |
  openssl s_client -quiet -no-CAfile -no-CApath -CAfile "$3" -verify_return_error -servername "\${1%:*}" -connect "$1" 2>/dev/null`;

/** Registers the tests of a cluster whose seed reaches a registry and a mirror, refuses what is changed there, goes offline and back. */
export function online(side: GetSide): void {
  let site: Site;
  let outside: Outside;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
    outside = await openOutside(side().connected, site.lab, site.seed);
    await carryInputs(site, side());
  });
  afterAll(async () => {
    await outside?.stop();
    await site?.stop();
  });

  const words = (): readonly string[] => {
    const inputs = ['--lock', LOCK, '--manifests', `${CARRIED}/manifests`, '--images', `${CARRIED}/images.txt`];
    const rest = ['--executable', `${CARRIED}/caisson`, '--cluster', `${CARRIED}/cluster.yaml`];
    return ['install', '--online', ...inputs, ...rest, ...mirrorFlags(outside.origins)];
  };
  const ask = async (node: string, path: string): Promise<string> =>
    (await site.try(node, ASK, { parameters: [DEPOT, path, AUTHORITY] })).stdout;
  const missingBytes = async (): Promise<number> =>
    Number(/^caisson_bundle_missing_bytes\{.*\} (\d+)$/m.exec(await ask('g1', '/metrics'))?.[1] ?? Number.NaN);
  const journal = (): Promise<string> => site.bash(site.seed, 'journalctl --unit=caisson-depot --no-pager --output=cat');
  const askedFor = (text: string): number => outside.asked.filter((path) => path.includes(text)).length;

  /** A run in which one byte of this member is another one upstream. */
  async function refused(text: string, path: string, origin: RegExp): Promise<InstallReport> {
    outside.damage(text);
    const ran = await runInstall(site, words());
    expect(ran.status, ran.stderr).toBe(6);
    const lines = await journal();
    expect(lines).toContain(`Cannot supply "${path}"`);
    expect(lines).toMatch(origin);
    expect(lines).toMatch(/nothing of it was kept/);

    const [before, times] = [await missingBytes(), askedFor(text)];
    expect(before).toBeGreaterThan(0);
    const answer = await ask('g1', `/files/${path}`);
    expect(answer).toMatch(/^HTTP\/1\.[01] 502 /);
    expect(answer).toContain(`Cannot supply "${path}"`);
    expect([await missingBytes(), askedFor(text) > times]).toEqual([before, true]);
    outside.damage(undefined);
    return ran;
  }

  it('refuses a package of which the mirror has one byte changed', async () => {
    const path = side().manifest.entries.find((entry) => entry.path.includes(PACKAGE))?.path ?? 'the bundle has no such package';
    const ran = await refused(PACKAGE, path, /http:\/\/ftp\.debian\.org\/debian\/pool/);
    const failed = ran.finished.filter(([, outcome]) => outcome === 'failed').map(([id]) => id);
    expect(failed).toContainEqual(expect.stringMatching(/^install-packages\//));
    expect(ran.stderr).toContain('502');
  });

  it('goes on once the mirror is mended, and refuses a layer of which the registry has one byte changed', async () => {
    const image = side().manifest.images.find(({ name }) => name.includes('/rbd-gateway:'));
    const layer = image?.platforms[0]?.layers.at(-1)?.digest ?? 'the bundle has no image of the gateway';
    const ran = await refused(layer, `blobs/${layer.replace(':', '/')}`, /docker\.io\/rainbond\/rbd-gateway/);
    const failed = ran.finished.filter(([, outcome]) => outcome === 'failed').map(([id]) => id);
    expect(failed).toContainEqual(expect.stringMatching(/^pull-images\/g1\//));
    expect(ran.stderr).toContain('502');
  });

  it('makes the cluster once the registry is mended, through the depot alone', async () => {
    const ran = await runInstall(site, words());
    expect(ran.status, ran.stderr).toBe(0);
    console.log(`      installed three hosts online in ${ran.seconds.toFixed(1)} s; ${outside.asked.length} requests left the seed`);
    await untilHealthy(site, 60_000);
    for (const node of site.nodes) {
      const running = await containersOf(site, node);
      expect(running.length).toBeGreaterThan(0);
      expect(running.map(({ name, imageId }) => [name, imageId])).toEqual(promised(side().manifest, running));
    }
    expect((await runInstall(site, words())).result).toMatchObject({ changed: 0 });
  });

  it('shows the internet to the seed and to no other host', async () => {
    const others = site.lab.nodes.filter(({ name }) => name !== site.seed);
    const proof = await proveAirGap({ ...site.lab, nodes: others }, { mirror: aptMirror() });
    expect(proof.reached).toEqual([]);
    const relays = Object.values(outside.origins).map((url) => new URL(url));
    for (const { hostname, port } of relays) {
      expect(proof.answering).toContainEqual(expect.objectContaining({ host: hostname, port: Number(port) }));
      await site.bash(site.seed, 'timeout 3 bash -c "exec 3<>/dev/tcp/$1/$2"', hostname, port);
    }
  });

  it('goes offline with the bundle of the same lock, which changes the supply of the depot and no host', async () => {
    await site.lab.copyTo(site.seed, side().bundle.path, `${CARRIED}/cluster.tar`);
    const asked = outside.asked.length;
    await changesSupply(['install', '--offline', '--bundle', `${CARRIED}/cluster.tar`], 'serve without the internet');
    expect(await site.bash(site.seed, 'systemctl cat caisson-depot')).not.toContain('--online');
    expect(outside.asked.length).toBe(asked);
    expect(await ask('g1', '/metrics')).not.toContain('caisson_bundle_missing_bytes{');
  });

  it('goes back online in the same way', async () => {
    await changesSupply(words(), 'serve online');
    expect(await site.bash(site.seed, 'systemctl cat caisson-depot')).toContain('--online');
  });

  /** A run after which nothing but the depot of the seed is another. */
  async function changesSupply(command: readonly string[], what: string): Promise<void> {
    const others = site.nodes.filter((node) => node !== site.seed);
    const open = (await planSteps(site, command)).open;
    expect(open.filter((id) => !id.includes(`/${site.seed}/caisson-seed`) && !/^record\//.test(id))).toEqual([]);
    const times = await Promise.all(others.map((node) => startTimes(site, node)));
    const containers = await everywhere(site, (node) => containersOf(site, node));
    const touched = await watchFiles(site);
    const ran = await runInstall(site, command);
    expect(ran.status, ran.stderr).toBe(0);
    console.log(`      ${what}: ${ran.result?.changed} of ${ran.result?.steps} steps in ${ran.seconds.toFixed(1)} s`);
    for (const node of others) expect([node, ...(await touched(node, OWN_LIFE))]).toEqual([node]);
    expect(await Promise.all(others.map((node) => startTimes(site, node)))).toEqual(times);
    expect(await everywhere(site, (node) => containersOf(site, node))).toEqual(containers);
    await untilHealthy(site, 60_000);
    expect((await runInstall(site, command)).result).toMatchObject({ changed: 0 });
  }
}

/** What components write by themselves. */
const OWN_LIFE = [
  '/opt/rainbond/data',
  '/opt/rainbond/logs',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/grdata',
  '/var/lib/caisson/agent',
];

/** Brings what an install from a lock needs, and takes away the bundle. */
async function carryInputs(site: Site, side: Side): Promise<void> {
  const archive = join(side.connected.directory, 'inputs.tar');
  // The list of the lock: the connected side does not have every image of the platform.
  const list = ['--directory', dirname(side.bundle.path), 'images.txt'];
  await run(['tar', '--create', '--file', archive, '--directory', repositoryRoot(), 'manifests', ...list]);
  const { lab, seed } = site;
  await lab.copyTo(seed, archive, `${CARRIED}/inputs.tar`);
  await lab.copyTo(seed, frozenLock(side), LOCK);
  await site.bash(seed, 'cd "$1"; tar -xf inputs.tar; rm inputs.tar cluster.tar', CARRIED);
  await rm(archive);
}
