import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleBlobs, openBundle, type BundleReader } from '../../src/bundle/index.ts';
import { digestOf, systemClock, type Event } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { parseDestination, pushBundle, type PushContent, type PushReport, type PushRequest } from '../../src/push/index.ts';
import { anonymous, endpointOf, parseDockerConfig, RegistryWriter, type FindCredentials } from '../../src/registry/index.ts';
import { run } from '../lab/run.ts';
import { startCuttingRelay } from '../support/cutting-relay.ts';
import { startDockerRegistry, type DockerRegistry, type LoggedRequest } from '../support/docker-registry.ts';
import { GENERATED_IMAGE, writeGeneratedBundle } from '../support/generated-bundle.ts';
import { MemoryBlobStore } from '../support/memory-store.ts';
import { sampleImage, sampleIndex, sampleLayer } from '../support/sample-image.ts';
import { writeSmallBundle } from '../support/small-bundle.ts';

const USER = { name: 'user', password: 'pa:ss word', hash: '$2b$05$abcdefghijklmnopqrstuuDvFYunEEkRAUw6hKd4mLN/wdxTQz.ki' };

describe('docker-registry', () => {
  let directory: string;
  let small: BundleReader;
  let large: BundleReader;
  let registry: DockerRegistry;
  let http: HttpClient;
  let events: Event[];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-push-'));
    await writeSmallBundle(join(directory, 'small.tar'));
    await writeGeneratedBundle({ output: join(directory, 'large.tar'), blobs: 3, blobSize: 40 * 1024 * 1024 });
    small = await openBundle(join(directory, 'small.tar'));
    large = await openBundle(join(directory, 'large.tar'));
  });
  afterAll(async () => {
    await small.close();
    await large.close();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    registry = await startDockerRegistry();
    http = new HttpClient({ stallTimeoutMs: 20_000 });
    events = [];
  });
  afterEach(async () => {
    await http.close();
    await registry.stop();
  });

  async function push(
    content: PushContent,
    host = registry.host,
    changes: Partial<PushRequest> = {},
    login = anonymous,
  ): Promise<PushReport> {
    const emit = (event: Event): void => void events.push(event);
    const writer = new RegistryWriter(endpointOf(host, new Map()), { http, findCredentials: login, emit, retryDelaysMs: [50, 200, 500] });
    const destination = parseDestination(`${host}/site`);
    const request = { destination, keepDomain: false, reduceIndexes: false, planOnly: false, jobs: 4, ...changes };
    return pushBundle(content, request, { registry: writer, clock: systemClock, emit });
  }

  function of(reader: BundleReader): PushContent {
    return { images: reader.manifest.images, blobs: bundleBlobs(reader) };
  }

  /** The digest of what skopeo gets under a name, and whether it can read the whole image. */
  async function inspect(name: string, flags: readonly string[] = []): Promise<string> {
    const common = ['--tls-verify=false', ...flags, `docker://${name}`];
    const raw = await run(['skopeo', 'inspect', '--raw', ...common]);
    await run(['skopeo', 'inspect', '--override-os=linux', '--override-arch=amd64', ...common]);
    return digestOf(raw.stdout);
  }

  it('gets every image, and skopeo finds each under the digest that it has in the bundle', async () => {
    const report = await push(of(small));
    for (const { target, digest } of report.images) expect(await inspect(target)).toBe(digest);
    for (const { target } of report.images) {
      await run([
        'skopeo',
        '--insecure-policy',
        'copy',
        '--quiet',
        '--all',
        '--src-tls-verify=false',
        `docker://${target}`,
        `dir:${directory}/copy`,
      ]);
    }
    // alpha and beta share a layer: it was mounted, not sent again.
    expect(report.mounted.count).toBe(1);
    expect(mounts(registry.requests)).toEqual([201]);
  });

  it('is only asked the second time', async () => {
    await push(of(small));
    const before = registry.requests.length;
    const report = await push(of(small));
    expect(report).toMatchObject({ uploaded: { count: 0 }, mounted: { count: 0 } });
    expect(new Set(registry.requests.slice(before).map(({ method }) => method))).toEqual(new Set(['GET', 'HEAD']));
  });

  it('takes large blobs in chunks', async () => {
    const report = await push(of(large));
    expect(report.uploaded.size).toBeGreaterThan(120 * 1024 * 1024);
    expect(await inspectDigest(report)).toBe(large.manifest.images[0]?.root.digest);
    // 40 MiB in chunks of 16 MiB.
    expect(registry.requests.filter(({ method, status }) => method === 'PATCH' && status === 202)).toHaveLength(9);
  });

  it('gets everything when connections break in the middle of uploads, and is asked where it stands each time', async () => {
    const relay = await startCuttingRelay(registry.host, [5_000_000, 3_000_000, 12_000_000, 9_000_000]);
    try {
      const report = await push(of(large), relay.host);
      expect(relay.cuts()).toBe(4);
      expect(events.filter(({ type }) => type === 'retry').length).toBeGreaterThanOrEqual(4);
      const answers = registry.requests.filter(({ method, uri }) => method === 'GET' && uri.includes('/blobs/uploads/'));
      expect(answers.length).toBeGreaterThanOrEqual(4);
      // This registry keeps what arrived of a broken chunk and then calls the upload invalid; then that blob begins anew.
      const begun = registry.requests.filter(({ method }) => method === 'POST').length;
      const lost = answers.filter(({ status }) => status === 404).length;
      expect(begun).toBe(4 + lost);
      expect(await inspectDigest(report, registry.host)).toBe(large.manifest.images[0]?.root.digest);
    } finally {
      await relay.close();
    }
  });

  it('refuses an index of absent platforms: its one platform gets the tag, or what was asked for', async () => {
    const [one, two] = [
      sampleImage([sampleLayer('one')]),
      sampleImage([sampleLayer('two')], { platform: { os: 'linux', architecture: 'arm64' } }),
    ];
    const absent = sampleImage([sampleLayer('absent')]);
    const index = sampleIndex([
      { document: one, platform: { os: 'linux', architecture: 'amd64' } },
      { document: two, platform: { os: 'linux', architecture: 'arm64' } },
      { document: absent, platform: { os: 'linux', architecture: 's390x' } },
    ]);
    const blobs = new MemoryBlobStore();
    for (const bytes of [index.bytes, one.bytes, two.bytes, ...one.blobs.values(), ...two.blobs.values()]) blobs.put(bytes);
    const platforms = [one, two].map(({ descriptor, config, layers }, number) => ({
      platform: `linux/${number === 0 ? 'amd64' : 'arm64'}`,
      manifest: descriptor,
      config,
      layers,
    }));
    const image = { name: 'docker.io/team/many:1', source: 'team/many:1', root: index.descriptor, platforms };

    const single = await push({ images: [{ ...image, platforms: platforms.slice(0, 1) }], blobs });
    expect(single.images[0]).toMatchObject({ outcome: 'reduced', stored: one.descriptor.digest });
    expect(await inspect(single.images[0]?.target ?? '')).toBe(one.descriptor.digest);

    await expect(push({ images: [image], blobs })).rejects.toMatchObject({
      code: 'PUSH_INCOMPLETE',
      hint: expect.stringContaining('--reduce-indexes'),
    });
    const both = await push({ images: [image], blobs }, registry.host, { reduceIndexes: true });
    expect(await inspect(both.images[0]?.target ?? '')).toBe(both.images[0]?.stored);
    for (const [architecture, { descriptor }] of [['amd64', one] as const, ['arm64', two] as const]) {
      await run([
        'skopeo',
        'inspect',
        '--tls-verify=false',
        '--override-os=linux',
        `--override-arch=${architecture}`,
        `docker://${both.images[0]?.target}`,
      ]);
      expect(await inspect(`${registry.host}/site/team/many@${descriptor.digest}`)).toBe(descriptor.digest);
    }
  });

  it('with a password takes images from who is logged in, and names the login to others', async () => {
    await registry.stop();
    registry = await startDockerRegistry({ user: USER });
    await expect(push(of(small))).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      hint: expect.stringContaining(`docker login ${registry.host}`),
    });
    const auth = Buffer.from(`${USER.name}:${USER.password}`).toString('base64');
    const login: FindCredentials = parseDockerConfig(JSON.stringify({ auths: { [registry.host]: { auth } } }), 'config.json');
    const report = await push(of(small), registry.host, {}, login);
    for (const { target, digest } of report.images)
      expect(await inspect(target, ['--creds', `${USER.name}:${USER.password}`])).toBe(digest);
  });

  async function inspectDigest(report: PushReport, host = registry.host): Promise<string> {
    expect(report.images[0]?.name).toBe(GENERATED_IMAGE);
    const raw = await run(['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${host}/site/generated:v1`]);
    return digestOf(raw.stdout);
  }
});

/** The statuses of the mounts that were asked for. */
function mounts(requests: readonly LoggedRequest[]): number[] {
  return requests.filter(({ uri }) => uri.includes('mount=')).map(({ status }) => status);
}
