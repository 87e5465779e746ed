import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/bundle/index.ts';
import { digestOf, fixedClock } from '../../../src/core/index.ts';
import { operatorPaths, seedLayout, stagedBundleName } from '../../../src/site/index.ts';
import { filesOnSeed } from '../../support/bundle-chain.ts';
import { NOON } from '../../support/command-site.ts';
import { openBuildingSite, type BuildingSite } from '../../e2e/building-site.ts';
import { freePort } from '../../support/free-port.ts';
import { runCaisson, type Ended } from '../../support/run-caisson.ts';
import { sampleImage, sampleLayer } from '../../support/sample-image.ts';
import { EXECUTABLE_BYTES } from '../../support/sample-install.ts';
import { simulatedSite, type SimulatedSite } from '../../support/simulated-site.ts';

const image = sampleImage([sampleLayer('layer')]);
const NODES = ['n1', 'n2'].map((name, index) => ({ name, address: `10.0.0.1${index}`, roles: ['node'] }));

describe('caisson install --online', () => {
  let building: BuildingSite;
  let site: SimulatedSite;
  let bundle: string;
  const servers: AbortController[] = [];

  beforeEach(async () => {
    building = await openBuildingSite({ 'team/web': image });
    const { directory, write } = building.workshop;
    await write('caisson-linux-amd64', EXECUTABLE_BYTES);
    bundle = join(directory, 'reference.tar');
    expect(await runCaisson([...building.words, '--output', bundle])).toMatchObject({ status: 0 });
    site = await simulatedSite({ directory, bundle, nodes: NODES, definitions: '/opt/demo/conf' });
    building.registry.requests.length = 0;
    building.packages.requests.length = 0;
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) server.abort();
    await site.end();
    await building.close();
  });

  async function installed(...words: readonly string[]): Promise<Ended> {
    const cluster = ['--cluster', join(building.workshop.directory, 'cluster.yaml')];
    return runCaisson(['install', ...words, ...cluster, '--yes'], { machines: site.options.machines, clock: fixedClock(NOON) });
  }

  /** The flags of the build without those that an install does not have. */
  function lockWords(): readonly string[] {
    return ['--online', ...building.words.slice(1)];
  }

  /** Starts the depot as its unit says, with the files that the install brought to the seed. Ends with the test. */
  async function startDepot(): Promise<{ readonly ended: Promise<Ended> }> {
    const seed = site.machine('n1');
    for (const [path, { content, mode }] of seed.files) {
      if (!path.startsWith(site.seedRoot)) continue;
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content, { mode });
    }
    await seed.powerOff();
    const unit = seed.files.get('/etc/systemd/system/caisson-depot.service')?.content.toString() ?? '';
    const [, line = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
    const stop = new AbortController();
    servers.push(stop);
    return { ended: runCaisson(line.split(' ').slice(1), { signal: stop.signal }) };
  }

  async function fetched(path: string): Promise<{ readonly status: number | undefined; readonly body: Buffer }> {
    const unit = site.machine('n1').files.get('/etc/systemd/system/caisson-depot.service')?.content.toString() ?? '';
    const [, port = ''] = /--listen \S*:(\d+)/.exec(unit) ?? [];
    const ca = await readFile(operatorPaths(seedLayout(site.seedRoot)).authority);
    const ask = async () =>
      new Promise<{ readonly status: number | undefined; readonly body: Buffer }>((resolve, reject) => {
        get(`https://127.0.0.1:${port}${path}`, { ca, agent: false }, (response) => {
          buffer(response).then((body) => resolve({ status: response.statusCode, body }), reject);
        }).on('error', reject);
      });
    // The depot needs a moment to listen.
    await expect
      .poll(
        () =>
          ask().then(
            ({ status }) => status,
            () => undefined,
          ),
        { timeout: 10_000 },
      )
      .toBeDefined();
    return ask();
  }

  it('makes the cluster of a lock, whose depot gets the rest from registry and mirror', async () => {
    const planned = await installed(...lockWords(), '--plan');
    const lock = await readFile(join(building.workshop.directory, 'bundle.lock.json'));
    expect(planned.err).toBe('');
    expect(planned).toMatchObject({ status: 0, out: expect.stringContaining(`as lock ${digestOf(lock)} has it`) });
    expect(await installed(...lockWords())).toMatchObject({ status: 0 });
    expect([...building.registry.requests, ...building.packages.requests]).toEqual([]);

    const { ended } = await startDepot();
    const layer = image.layers[0]?.digest ?? '';
    const { status, body } = await fetched(`/v2/docker.io/team/web/blobs/${layer}`);
    expect({ status, digest: digestOf(body) }).toEqual({ status: 200, digest: layer });
    expect((await fetched('/apt/debian-12/pool/main/h/hello/hello_1.0_amd64.deb')).body.toString()).toBe('the hello package');
    expect(building.registry.asked(layer)).toHaveLength(1);
    servers[0]?.abort();
    expect((await ended).err).toContain(`Fetched blobs/sha256/${layer.slice(7)}`);
  });

  it('is what init begins with --install-type online, from the flags of its first node', async () => {
    const { directory } = building.workshop;
    const cluster = join(directory, 'first.yaml');
    const words = ['init', '--install-type', 'online', ...lockWords().slice(1), '--cluster', cluster];
    const node = ['--node', 'n1', '--iip', '10.0.0.10', '--role', 'node', '--depot-port', String(await freePort())];
    const lock = digestOf(await readFile(join(directory, 'bundle.lock.json')));
    const options = { machines: site.options.machines, clock: fixedClock(NOON) };
    const planned = await runCaisson([...words, ...node, '--plan'], options);
    expect(planned).toMatchObject({ status: 0, out: expect.stringContaining(`as lock ${lock} has it`) });
    expect(await runCaisson([...words, ...node, '--yes'], options)).toMatchObject({ status: 0 });
    expect(await readFile(cluster, 'utf8')).toContain('    roles: [node]\n');
    expect(site.machine('n1').files.get('/etc/systemd/system/caisson-depot.service')?.content.toString()).toContain('--online');
    expect((await runCaisson([...words, ...node], options)).out).toContain('Everything was as declared');
  });

  it('refuses a byte that was changed upstream, on the way to a host', async () => {
    await installed(...lockWords());
    building.files.set('http://packages.example/debian/pool/main/h/hello/hello_1.0_amd64.deb', Buffer.from('the hellO package'));
    const { ended } = await startDepot();
    const { status, body } = await fetched('/apt/debian-12/pool/main/h/hello/hello_1.0_amd64.deb');
    expect(status).toBe(502);
    expect(body.toString()).toContain('not what the lock promises, and nothing of it was kept');
    servers[0]?.abort();
    expect((await ended).err).toContain('Cannot supply "apt/debian-12/pool/main/h/hello/hello_1.0_amd64.deb"');
  });

  it('takes the bundle of the same lock for the same release', async () => {
    await installed(...lockWords());
    const { out, status } = await installed('--offline', '--bundle', bundle, '--plan');
    expect(status).toBe(0);
    expect(out.split('\n').filter((line) => /^[+~-] /.test(line) && !line.includes('(caisson-seed)'))).toEqual([]);
    expect(out).not.toContain('n2:');
    expect(await installed('--offline', '--bundle', bundle)).toMatchObject({ status: 0 });
    expect((await installed('--offline', '--bundle', bundle)).out).toContain('Everything was as declared');
  });

  it('is upgraded from a lock and taken back, each by what the seed fetches', async () => {
    await installed(...lockWords());
    const run = (...words: readonly string[]): Promise<Ended> =>
      runCaisson(words, { machines: site.options.machines, clock: fixedClock(NOON) });
    const served = (): string => site.machine('n1').text('/etc/systemd/system/caisson-depot.service');
    const next = join(building.workshop.directory, 'next.tar');
    expect(await runCaisson([...building.words, '--version', '9', '--output', next])).toMatchObject({ status: 0 });
    const reader = await openBundle(next);
    await reader.close();
    const name = stagedBundleName(reader);
    for (const machine of site.machines) machine.bundleDigests = new Map([...machine.bundleDigests, [name, reader.bundleDigest]]);
    const begun = await filesOnSeed(site);
    const planned = await run('upgrade', ...lockWords(), '--version', '9', '--plan');
    expect(planned).toMatchObject({ status: 0, out: expect.stringContaining('were never fetched, and a rollback fetches') });
    expect(await filesOnSeed(site)).toEqual(begun);
    expect(await run('upgrade', ...lockWords(), '--version', '9', '--yes')).toMatchObject({ status: 0 });
    expect(served()).toContain(`${name} --online`);
    expect((await run('bundles')).out).toMatch(/9 .* in force +partly: .* not fetched/);
    expect(await run('rollback', '--yes', '--online', ...building.mirrors.flatMap((mirror) => ['--mirror', mirror]))).toMatchObject({
      status: 0,
    });
    expect(served()).not.toContain(name);
    expect(served()).toContain('--online');
    expect((await run('bundles')).out).toMatch(/9 .* before +partly: .* not fetched/);
  });

  it.each([
    [['upgrade'], 'Cannot upgrade without a bundle'],
    [['upgrade', '--online'], 'Cannot upgrade without a lock'],
    [['upgrade', '--online', '--bundle', 'x.tar'], 'Cannot use --bundle with --online'],
    [['upgrade', '--bundle', 'x.tar', '--lock', 'x.json'], 'Cannot use --lock, --mirror or --ca without --online'],
    [['rollback', '--mirror', 'docker.io=http://x'], 'Cannot use --lock, --mirror or --ca without --online'],
    [['rollback', '--online', '--offline'], 'Cannot use --online with --offline'],
  ])('refuses %j', async (words, message) => {
    const { status, err } = await runCaisson(words, { machines: site.options.machines, clock: fixedClock(NOON) });
    expect(status).toBe(2);
    expect(err).toContain(message);
  });

  it.each([
    [['--online', '--offline'], 'without --offline or --online'],
    [['--online', '--bundle', 'x.tar'], 'Cannot use --bundle with --online'],
    [['--offline', '--lock', 'x.json'], 'with --offline: nothing is fetched'],
    [['--offline', '--mirror', 'docker.io=http://x'], 'with --offline: nothing is fetched'],
  ])('refuses %j', async (words, message) => {
    const { status, err } = await installed(...words);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });

  it('refuses a lock with an image that only this machine has', async () => {
    const { directory, write } = building.workshop;
    const list = 'docker:team/web:1.0\n';
    const lock = (await readFile(join(directory, 'bundle.lock.json'), 'utf8'))
      .replace('"source": "docker.io/team/web:1.0"', '"source": "docker:docker.io/team/web:1.0"')
      .replace(
        /("path": "images.txt",\s+"digest": ")[^"]+(",\s+"size": )\d+/,
        (_, digest: string, size: string) => `${digest}${digestOf(list)}${size}${list.length}`,
      );
    await write('bundle.lock.json', lock);
    await write('images.txt', list);
    const { status, err } = await installed(...lockWords());
    expect(status).toBe(3);
    expect(err).toContain('comes from "docker:docker.io/team/web:1.0", which a depot cannot fetch');
  });
});
