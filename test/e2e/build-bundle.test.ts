import { spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { openWorkshop, packageFiles, type Workshop } from '../builder/workshop.ts';
import { builtCaisson } from '../support/built-caisson.ts';
import { LoopbackRegistry } from '../support/loopback-registry.ts';
import { useLoopbackServers, type LoopbackServer } from '../support/loopback-server.ts';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const shared = sampleLayer('shared', 40_000);
const web = sampleImage([shared, sampleLayer('web')]);
const api = sampleImage([shared, sampleLayer('api')]);

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the built command; needs `npm run build`. */
function caisson(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  whenStarted?: (kill: () => void) => void,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...words], { env: { PATH: process.env['PATH'], ...env }, timeout: 60_000 });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...text }));
    whenStarted?.(() => child.kill('SIGINT'));
  });
}

describe('caisson build-bundle', () => {
  const startServer = useLoopbackServers();
  let workshop: Workshop;
  let registry: LoopbackRegistry;
  let packages: LoopbackServer;
  let words: string[];

  beforeEach(async () => {
    workshop = await openWorkshop({ images: {} });
    await workshop.write('images.txt', 'team/web:1.0\nteam/api:1.0 as example.com/team/api:1.0\n');
    registry = await LoopbackRegistry.start();
    registry.put('team/web', '1.0', web);
    registry.put('team/api', '1.0', api);
    const files = await packageFiles({ hello: 'the hello package' });
    packages = await startServer((request, response) => {
      const content = files.get(`http://packages.example${request.url ?? ''}`);
      if (content === undefined) response.writeHead(404).end();
      else response.end(content);
    });
    const { directory } = workshop;
    words = [
      'build-bundle',
      '--manifests',
      join(directory, 'manifests'),
      '--images',
      join(directory, 'images.txt'),
      '--lock',
      join(directory, 'bundle.lock.json'),
      '--output',
      join(directory, 'out/demo.tar'),
      '--executable',
      join(directory, 'caisson-linux-amd64'),
      '--mirror',
      `docker.io=${registry.origin}`,
      '--mirror',
      `packages.example=${packages.origin}`,
    ];
  });
  afterEach(async () => {
    await registry.close();
    await workshop.remove();
  });

  async function left(): Promise<string[]> {
    return readdir(join(workshop.directory, 'out')).catch(() => []);
  }

  it('builds a bundle from servers, says so in text, and the next time that nothing changed', async () => {
    const built = await caisson([...words, '--version', '7']);
    expect(built).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Built .*demo\.tar\n.*2 images, 1 packages/) });
    expect((await left()).toSorted()).toEqual(['caisson-linux-amd64', 'demo.tar']);
    const sharedLayer = `blobs/${digestOf(shared.compressed)}`;
    expect(registry.asked(sharedLayer)).toHaveLength(1);

    registry.requests.length = 0;
    expect(await caisson([...words, '--version', '7'])).toMatchObject({ status: 0, stdout: expect.stringContaining('is unchanged') });
    expect(registry.requests).toEqual([]);
  });

  it('carries files of files.txt, and shows them in the plan and in inspect', async () => {
    const { directory } = workshop;
    const server = await startServer((_request, response) => response.end('a chart'));
    await workshop.write('files.txt', `${server.origin}/a/chart-1.0.tgz as charts/chart.tgz # a comment\n`);
    const planned = await caisson([...words, '--plan']);
    expect(planned).toMatchObject({ status: 0, stderr: expect.stringContaining('Resolve files: 1 resolved, 0 as locked') });
    expect(planned.stdout).toContain(`charts/chart.tgz  7 B   ${digestOf('a chart')} (found)  ${server.origin}/a/chart-1.0.tgz`);
    expect(planned.stdout).toContain('1 file without a digest in the list: the one that was found is pinned by the lock');
    expect(await caisson(words)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('2 images, 1 packages, 1 file, for linux/amd64'),
    });
    const bundle = join(directory, 'out/demo.tar');
    const inspected = await caisson(['inspect', bundle]);
    expect(inspected.stdout).toMatch(/^files\/charts\/chart\.tgz +file +7 B +http:\/\/127\.0\.0\.1:\d+\/a\/chart-1\.0\.tgz$/m);
    expect(await caisson(['verify', bundle])).toMatchObject({ status: 0 });
    await workshop.write('files.txt', 'charts/chart.tgz\n');
    expect(await caisson(words)).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('files.txt:1:1: "charts/chart.tgz" is not an http'),
    });
  });

  it('names the same mistake of the documents in lint and in build-bundle, which then asks no server and writes no file', async () => {
    const { directory } = workshop;
    const role = 'apiVersion: caisson/v1\nkind: Role\nname: node\nsummary: Every host\ncomponents: [app]\npackageSets: [tools]\n';
    const app = (image: string): string =>
      `apiVersion: caisson/v1\nkind: Component\nname: app\nsummary: An application\nservices:\n  - { name: app, container: { image: "${image}" } }\n`;
    await workshop.write('manifests/roles/node.yaml', role);
    await workshop.write('manifests/components/app/component.yaml', app('team/web:2.0'));
    const mistake = `${directory}/manifests/components/app/component.yaml:6:38: services[0].container.image: ${directory}/images.txt has no image "docker.io/team/web:2.0" (did you mean "docker.io/team/web:1.0"?)`;
    const lint = ['lint', '--manifests', join(directory, 'manifests'), '--images', join(directory, 'images.txt')];
    for (const command of [lint, words]) {
      const refused = await caisson(command);
      expect(refused).toMatchObject({ status: 3, stdout: '', stderr: expect.stringContaining(`LINT_FAILED`) });
      expect(refused.stderr).toContain(mistake);
    }
    expect([...registry.requests, ...packages.requests, ...(await left())]).toEqual([]);

    await workshop.write('manifests/components/app/component.yaml', app('team/web:1.0'));
    expect(await caisson(lint)).toEqual({ status: 0, stdout: `"${directory}/manifests" has no mistake\n`, stderr: '' });
    expect(await caisson([...words, '--version', '7'])).toMatchObject({ status: 0, stdout: expect.stringContaining('Built') });
  });

  it('builds again with everything present without any network, for the same lock', async () => {
    expect(await caisson(words)).toMatchObject({ status: 0 });
    const before = await readFile(join(workshop.directory, 'out/demo.tar'));
    registry.requests.length = 0;
    packages.requests.length = 0;
    for (const more of [[], ['--frozen']]) {
      expect(await builtCaisson([...words, ...more])).toMatchObject({ status: 0, stdout: expect.stringContaining('is unchanged') });
      // Not even this machine can be reached there.
      const alone = await builtCaisson([...words, ...more], { wrapper: ['unshare', '--map-root-user', '--net'] });
      expect(alone).toMatchObject({ status: 0, stdout: expect.stringContaining('is unchanged') });
    }
    expect([...registry.requests, ...packages.requests]).toEqual([]);
    expect(before.equals(await readFile(join(workshop.directory, 'out/demo.tar')))).toBe(true);
    // That the wrapper takes the network away shows where something is missing.
    await rm(join(workshop.directory, 'out/demo.tar'));
    expect(await builtCaisson(words, { wrapper: ['unshare', '--map-root-user', '--net'] })).toMatchObject({ status: 5 });
  });

  it('prints events and the result as JSON lines with --json', async () => {
    const { status, stdout } = await caisson([...words, '--json']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(status).toBe(0);
    expect(lines).toContainEqual(expect.objectContaining({ type: 'task.started', id: 'bundle.write' }));
    expect(lines.at(-1)).toMatchObject({ type: 'result', outcome: 'built', images: 2, packages: 1 });
  });

  it('plans with --plan: addresses and sizes, and nothing changed', async () => {
    const { status, stdout } = await caisson([...words, '--plan']);
    expect(status).toBe(0);
    expect(stdout).toContain(`docker.io/team/web:1.0`);
    expect(stdout).toContain(`${registry.origin}/v2/team/web/manifests/1.0`);
    expect(stdout).toContain('Nothing was changed');
    expect(await left()).toEqual([]);
    expect(await readdir(workshop.directory)).not.toContain('bundle.lock.json');
    expect(registry.requests.filter(({ url }) => url.includes(digestOf(shared.compressed)))).toEqual([]);
  });

  it('gives the same bytes twice, and others for another SOURCE_DATE_EPOCH', async () => {
    const output = join(workshop.directory, 'out/demo.tar');
    const digestWith = async (env: Readonly<Record<string, string>>, name: string): Promise<string> => {
      const other = join(workshop.directory, name, 'demo.tar');
      const moved = words.map((word) => (word === output ? other : word));
      expect((await caisson([...moved, '--jobs', name.slice(-1)], env)).status).toBe(0);
      return digestOf(await readFile(other));
    };
    const first = await digestWith({}, 'out1');
    expect(await digestWith({ TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8' }, 'out7')).toBe(first);
    expect(await digestWith({ SOURCE_DATE_EPOCH: '1700000000' }, 'out3')).not.toBe(first);
  });

  it.each([
    [['--jobs', '0'], 2, /--jobs/],
    [['--frozen', '--update'], 2, /--frozen/],
    [['--mirror', 'nothing'], 2, /--mirror/],
    [['--platform', 'amd64'], 3, /platform "amd64"/],
    [['--frozen'], 3, /LOCK_MISMATCH/],
    [['--images', '/does/not/exist'], 3, /INPUT_UNREADABLE/],
    [['--executable', '/does/not/exist'], 2, /--executable/],
  ])('ends a wrong command line %j with status %i', async (more, status, message) => {
    expect(await caisson([...words, ...more])).toMatchObject({ status, stderr: expect.stringMatching(message) });
    expect(await left()).toEqual([]);
  });

  it('refuses a SOURCE_DATE_EPOCH that is no number', async () => {
    expect(await caisson(words, { SOURCE_DATE_EPOCH: 'yesterday' })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('SOURCE_DATE_EPOCH'),
    });
  });

  it('ends with status 5 naming every image that is missing, and leaves nothing', async () => {
    await workshop.write('images.txt', 'team/web:1.0\nteam/absent:1\nteam/web:9\n');
    const { status, stderr } = await caisson(words);
    expect(status).toBe(5);
    expect(stderr).toMatch(/team\/absent:1/);
    expect(stderr).toMatch(/team\/web:9/);
    expect(await left()).toEqual([]);
  });

  it('ends with status 130 when it is interrupted, and leaves nothing under the final name', async () => {
    let kill = (): void => {};
    registry.intercept = (request) => {
      if (request.url?.includes(digestOf(shared.compressed)) !== true) return false;
      kill();
      return true;
    };
    const ended = await caisson(words, {}, (stop) => {
      kill = stop;
    });
    expect(ended.status).toBe(130);
    expect(await left()).not.toContain('demo.tar');
  });
});
