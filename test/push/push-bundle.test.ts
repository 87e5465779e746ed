import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleBlobs, closeBundles, openBundle, openBundles, type BundleImage, type BundleReader } from '../../src/bundle/index.ts';
import { systemClock, type Event } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { parseDestination, pushBundle, type PushContent, type PushReport, type PushRequest } from '../../src/push/index.ts';
import { endpointOf, RegistryWriter } from '../../src/registry/index.ts';
import { newerBundle, writeDelta } from '../support/delta-bundle.ts';
import { LoopbackRegistry, sendError } from '../support/loopback-registry.ts';
import { MemoryBlobStore } from '../support/memory-store.ts';
import { sampleImage, sampleIndex, sampleLayer, type SampleDocument } from '../support/sample-image.ts';
import { writeSmallBundle } from '../support/small-bundle.ts';

let registry: LoopbackRegistry;
let http: HttpClient;
let directory: string;
let reader: BundleReader;
let events: Event[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-push-'));
  await writeSmallBundle(join(directory, 'small.tar'));
  reader = await openBundle(join(directory, 'small.tar'));
  registry = await LoopbackRegistry.start();
  http = new HttpClient({ sleep: async () => {} });
  events = [];
});
afterEach(async () => {
  await http.close();
  await registry.close();
  await reader.close();
  await rm(directory, { recursive: true, force: true });
});

async function push(changes: Partial<PushRequest> = {}, content: PushContent = ofBundle()): Promise<PushReport> {
  const writer = new RegistryWriter(endpointOf(registry.host, new Map()), { http, sleep: async () => {} });
  return pushBundle(
    content,
    {
      destination: parseDestination(`${registry.host}/site`),
      keepDomain: false,
      reduceIndexes: false,
      planOnly: false,
      jobs: 4,
      ...changes,
    },
    { registry: writer, clock: systemClock, emit: (event) => events.push(event) },
  );
}

function ofBundle(): PushContent {
  return { images: reader.manifest.images, blobs: bundleBlobs(reader) };
}

/** Content of samples, each with its name; blobs that `without` names are left out. */
function ofSamples(samples: Readonly<Record<string, SampleDocument>>, without: readonly SampleDocument[] = []): PushContent {
  const blobs = new MemoryBlobStore();
  const lacking = new Set(without.map(({ descriptor }) => descriptor.digest));
  const images: BundleImage[] = Object.entries(samples).map(([name, sample]) => {
    for (const [digest, bytes] of [...sample.blobs, [sample.descriptor.digest, sample.bytes] as const]) {
      if (!lacking.has(digest)) blobs.put(bytes);
    }
    return { name, source: name, root: sample.descriptor, platforms: [] };
  });
  return { images, blobs };
}

/** Requests that change something, in their order, without numbers and digests. */
function changes(): string[] {
  return registry.requests
    .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
    .map(({ method, url }) => `${method} ${url.replace(/\?.*/, '').replace(/[0-9a-f-]{36}$/, 'ID')}`);
}

describe('pushing a bundle', () => {
  it('gives every image its path below the prefix, under its own digest', async () => {
    const report = await push();
    for (const { name, root } of reader.manifest.images) {
      const [, path = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(name) ?? [];
      expect(registry.tagOf(`site/${path}`, tag)).toBe(root.digest);
      expect(report.images.find((image) => image.name === name)).toMatchObject({
        target: `${registry.host}/site/${path}:${tag}`,
        digest: root.digest,
        stored: root.digest,
        outcome: 'pushed',
      });
    }
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['task.started', 'task.progress', 'task.finished']));
  });

  it('uploads each blob once and mounts it into other repositories', async () => {
    const report = await push();
    const blobs = new Set(
      reader.manifest.images
        .flatMap(({ platforms }) => platforms.flatMap(({ config, layers }) => [config, ...layers]))
        .map(({ digest }) => digest),
    );
    expect(report.uploaded.count).toBe(blobs.size);
    // alpha and beta share one layer.
    expect(report.mounted.count).toBe(1);
    expect(registry.asked('mount=')).toHaveLength(1);
    expect(registry.uploads.received).toBe(report.uploaded.size);
  });

  it('puts blobs before manifests, children before indexes, and tags last', async () => {
    await push();
    const order = changes();
    const firstManifest = order.findIndex((change) => change.includes('/manifests/'));
    expect(order.slice(firstManifest).filter((change) => change.includes('/blobs/'))).toEqual([]);
    const gamma = order.filter((change) => change.includes('team/gamma/manifests/'));
    expect(gamma).toEqual([expect.stringMatching(/sha256:/), expect.stringMatching(/sha256:/), 'PUT /v2/site/team/gamma/manifests/v3']);
  });

  it('of a delta takes from its bases what lies there', async () => {
    const delta = await writeDelta(join(directory, 'delta.tar'), newerBundle('2', ['new']), [reader.path]);
    const readers = await openBundles([delta, reader.path]);
    try {
      const [first] = readers;
      if (first === undefined) throw new Error('Nothing was opened');
      expect(first.path).toBe(delta);
      const report = await push({}, { images: first.manifest.images, blobs: bundleBlobs(first) });
      expect(report.images.map(({ outcome }) => outcome)).toEqual(Array(4).fill('pushed'));
    } finally {
      await closeBundles(readers);
    }
  });

  it('changes nothing the second time', async () => {
    await push();
    const before = changes().length;
    const again = await push();
    expect(changes()).toHaveLength(before);
    expect(again).toMatchObject({ uploaded: { count: 0, size: 0 }, mounted: { count: 0 } });
    expect(new Set(again.images.map(({ outcome }) => outcome))).toEqual(new Set(['present']));
  });

  it('takes along what is attached to an image, under its digest and its tags', async () => {
    const [image, signature, sbom] = ['image', 'signature', 'sbom'].map((name) => sampleImage([sampleLayer(name)]));
    if (image === undefined || signature === undefined || sbom === undefined) throw new Error('three were made');
    const content = ofSamples({ 'r.example/a:1': image, 'r.example/b:1': signature, 'r.example/c:1': sbom });
    const attach = (sample: SampleDocument, tags: readonly string[]) => ({
      manifest: sample.descriptor,
      subject: image.descriptor.digest,
      artifactType: 'application/example',
      tags,
      blobs: [],
    });
    const images = content.images
      .slice(0, 1)
      .map((each) => ({ ...each, attached: [attach(signature, ['sha256-a.sig']), attach(sbom, [])] }));
    await push({}, { ...content, images });
    expect(registry.tagOf('site/a', '1')).toBe(image.descriptor.digest);
    expect(registry.tagOf('site/a', 'sha256-a.sig')).toBe(signature.descriptor.digest);
    expect(registry.requests.map(({ method, url }) => `${method} ${url}`)).toContain(`PUT /v2/site/a/manifests/${sbom.descriptor.digest}`);
  });

  it('moves a tag that stands for something else', async () => {
    const other = sampleImage([sampleLayer('other')]);
    registry.put('site/library/beta', 'latest', other);
    const plan = await push({ planOnly: true });
    expect(plan.images.find(({ name }) => name.includes('beta'))).toMatchObject({ stored: other.descriptor.digest, outcome: 'planned' });
    await push();
    const beta = reader.manifest.images.find(({ name }) => name.includes('beta'));
    expect(registry.tagOf('site/library/beta', 'latest')).toBe(beta?.root.digest);
  });

  it('tells what it would do, and asks only', async () => {
    const plan = await push({ planOnly: true });
    expect(changes()).toEqual([]);
    const done = await push();
    expect(plan.uploaded).toEqual(done.uploaded);
    expect(plan.mounted).toEqual(done.mounted);
    expect(await push({ planOnly: true })).toMatchObject({ uploaded: { count: 0, size: 0 }, mounted: { count: 0, size: 0 } });
  });

  it('uploads again what a registry does not mount', async () => {
    registry.uploads.behaviour.mounts = false;
    const report = await push();
    expect(report.mounted.count).toBe(0);
    const beta = reader.manifest.images.find(({ name }) => name.includes('beta'));
    expect(registry.tagOf('site/library/beta', 'latest')).toBe(beta?.root.digest);
  });

  it('keeps the name of the source registry when asked to', async () => {
    const report = await push({ keepDomain: true });
    expect(report.images.map(({ target }) => target)).toContain(`${registry.host}/site/docker.io/library/alpha:1.0`);
    expect(report.images.map(({ target }) => target)).toContain(`${registry.host}/site/registry.example/team/gamma:v3`);
  });
});

describe('what cannot be pushed', () => {
  it('is two different images under one name, which are named before anything is asked', async () => {
    const content = ofSamples({
      'docker.io/team/app:1': sampleImage([sampleLayer('a')]),
      'quay.io/team/app:1': sampleImage([sampleLayer('b')]),
    });
    await expect(push({}, content)).rejects.toMatchObject({
      code: 'PUSH_NAMES_CLASH',
      exitStatus: 3,
      message: expect.stringContaining(`"${registry.host}/site/team/app:1": docker.io/team/app:1 and quay.io/team/app:1`),
      hint: expect.stringContaining('--keep-domain'),
    });
    expect(registry.requests).toEqual([]);
    expect((await push({ keepDomain: true }, content)).images).toHaveLength(2);
  });

  it('is no clash when both are the same image', async () => {
    const image = sampleImage([sampleLayer('a')]);
    const report = await push({}, ofSamples({ 'docker.io/team/app:1': image, 'quay.io/team/app:1': image }));
    expect(report.images).toHaveLength(2);
  });

  it('is named image by image, after all others were pushed', async () => {
    registry.intercept = (request, response) => {
      if (request.method !== 'POST' || request.url?.includes('/gamma/') !== true) return false;
      sendError(response, 404, 'NAME_UNKNOWN');
      return true;
    };
    await expect(push()).rejects.toMatchObject({
      code: 'PUSH_INCOMPLETE',
      exitStatus: 5,
      message: expect.stringMatching(/^Cannot push 1 of 4 images:\n {2}registry\.example\/team\/gamma:v3 → .*answered 404 \(NAME_UNKNOWN/),
      hint: expect.stringMatching(/make the project first.*Run the same command again/),
    });
    expect(registry.tagOf('site/team/gamma', 'v3')).toBeUndefined();
    const alpha = reader.manifest.images.find(({ name }) => name.endsWith('alpha:1.0'));
    expect(registry.tagOf('site/library/alpha', '1.0')).toBe(alpha?.root.digest);
  });

  it('is a bundle that is damaged: nothing of the damaged blob is committed', async () => {
    const sample = sampleImage([sampleLayer('a', 5000)]);
    const content = ofSamples({ 'docker.io/team/app:1': sample });
    const layer = sample.layers[0];
    if (layer === undefined || !(content.blobs instanceof MemoryBlobStore)) throw new Error('The sample has no layer');
    content.blobs.corrupt(layer.digest, Buffer.alloc(layer.size));
    await expect(push({}, content)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH', exitStatus: 4 });
    expect(registry.contentOf('site/team/app', layer.digest)).toBeUndefined();
    expect(registry.tagOf('site/team/app', '1')).toBeUndefined();
  });

  it('is an image of which the bundle lacks a blob: nothing is asked', async () => {
    const sample = sampleImage([sampleLayer('a', 5000)]);
    const whole = ofSamples({ 'docker.io/team/app:1': sample });
    const layer = sample.layers[0];
    const blobs = { ...bind(whole.blobs), stat: async (digest: string) => (digest === layer?.digest ? undefined : { size: 1 }) };
    await expect(push({}, { ...whole, blobs })).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
      message: expect.stringContaining(layer?.digest ?? ''),
    });
    expect(registry.requests).toEqual([]);
  });
});

function bind(blobs: PushContent['blobs']): PushContent['blobs'] {
  return { stat: (digest) => blobs.stat(digest), open: (digest, range) => blobs.open(digest, range) };
}

describe('an index of which the bundle holds a part', () => {
  const arm64 = { os: 'linux', architecture: 'arm64' };
  const amd64 = { os: 'linux', architecture: 'amd64' };
  const [one, two, absent] = [
    sampleImage([sampleLayer('one')]),
    sampleImage([sampleLayer('two')], { platform: arm64 }),
    sampleImage([sampleLayer('three')]),
  ];
  const index = sampleIndex([
    { document: one, platform: amd64 },
    { document: two, platform: arm64 },
    { document: absent, platform: { os: 'linux', architecture: 's390x' } },
  ]);
  const name = 'docker.io/team/many:1';

  function content(platforms: Readonly<Record<string, ReturnType<typeof sampleImage>>>): PushContent {
    const known = Object.values(platforms);
    const missing = [one, two, absent].filter((image) => !known.includes(image));
    const made = ofSamples({ [name]: index }, missing);
    const entries = Object.entries(platforms).map(([platform, { descriptor, config, layers }]) => ({
      platform,
      manifest: descriptor,
      config,
      layers,
    }));
    return { ...made, images: made.images.map((image) => ({ ...image, platforms: entries })) };
  }

  it('is pushed as it is where the registry takes it', async () => {
    await push({}, content({ 'linux/amd64': one }));
    expect(registry.tagOf('site/team/many', '1')).toBe(index.descriptor.digest);
    expect(registry.contentOf('site/team/many', one.descriptor.digest)).toEqual(one.bytes);
    expect(registry.contentOf('site/team/many', two.descriptor.digest)).toBeUndefined();
  });

  it('gives way to its one platform where the registry refuses it, and says so', async () => {
    registry.uploads.behaviour.refusesSparse = true;
    for (const round of [1, 2]) {
      const report = await push({}, content({ 'linux/amd64': one }));
      expect(registry.tagOf('site/team/many', '1'), `round ${round}`).toBe(one.descriptor.digest);
      expect(report.images[0]).toMatchObject({ outcome: 'reduced', digest: index.descriptor.digest, stored: one.descriptor.digest });
    }
    expect(events.filter(({ type }) => type === 'warning')).toEqual(
      Array(2).fill(
        expect.objectContaining({ message: expect.stringMatching(/refuses the index of "docker\.io\/team\/many:1".*linux\/amd64/) }),
      ),
    );
  });

  it('is an error that names the way out where the bundle holds several platforms', async () => {
    registry.uploads.behaviour.refusesSparse = true;
    await expect(push({}, content({ 'linux/amd64': one, 'linux/arm64': two }))).rejects.toMatchObject({
      code: 'PUSH_INCOMPLETE',
      message: expect.stringMatching(/many:1.*its index lists 1 manifests that are not in the bundle/),
      hint: expect.stringContaining('--reduce-indexes'),
    });
    expect(registry.tagOf('site/team/many', '1')).toBeUndefined();
  });

  it('is pushed without what is absent when that is asked for', async () => {
    registry.uploads.behaviour.refusesSparse = true;
    const report = await push({ reduceIndexes: true }, content({ 'linux/amd64': one, 'linux/arm64': two }));
    const stored = registry.tagOf('site/team/many', '1');
    expect(report.images[0]).toMatchObject({ outcome: 'reduced', stored });
    if (stored === undefined) throw new Error('The tag is not there');
    const document: { manifests: { digest: string; platform: object }[] } = JSON.parse(
      registry.contentOf('site/team/many', stored)?.toString() ?? '',
    );
    expect(document.manifests).toMatchObject([
      { digest: one.descriptor.digest, platform: amd64 },
      { digest: two.descriptor.digest, platform: arm64 },
    ]);
  });

  it('that is refused for another reason keeps that reason', async () => {
    registry.intercept = (request, response) => {
      if (request.method !== 'PUT' || request.url?.endsWith('/manifests/1') !== true) return false;
      request.resume();
      sendError(response, 412, 'IMMUTABLE');
      return true;
    };
    await expect(push({}, content({ 'linux/amd64': one }))).rejects.toMatchObject({
      message: expect.stringContaining('answered 412 (IMMUTABLE'),
      hint: expect.stringContaining('immutable'),
    });
  });
});
