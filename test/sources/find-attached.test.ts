import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildBundle } from '../../src/builder/build-bundle.ts';
import { parseLock } from '../../src/builder/lock.ts';
import { readFile } from 'node:fs/promises';
import { digestOf, hexOf, parsePlatform, silent, type Digest, type Event } from '../../src/core/index.ts';
import { makeRepositoryKey, startDepot, type RunningDepot } from '../../src/depot/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { OCI_INDEX, OCI_MANIFEST, type AttachedManifest, type ImageSource } from '../../src/oci/index.ts';
import { openImageSource } from '../../src/sources/index.ts';
import { openWorkshop, type Workshop } from '../builder/workshop.ts';
import { bytesOf, SAMPLES } from '../contract/image-source.ts';
import { layoutMembers, tarOf } from '../support/image-archives.ts';
import { LoopbackRegistry } from '../support/loopback-registry.ts';
import { sampleIndex, type SampleDocument } from '../support/sample-image.ts';

const AMD64 = parsePlatform('linux/amd64');
const ARM64 = parsePlatform('linux/arm64');
const EMPTY = Buffer.from('{}');

/** An artifact with one layer, as cosign and oras write it. */
function artifact(content: string, { subject, type }: { subject?: SampleDocument; type?: string } = {}): SampleDocument {
  const layer = Buffer.from(content);
  const blobs = [EMPTY, layer];
  const descriptors = blobs.map((bytes) => ({
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestOf(bytes),
    size: bytes.byteLength,
  }));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      ...(type === undefined ? {} : { artifactType: type }),
      config: descriptors[0],
      layers: [descriptors[1]],
      ...(subject === undefined ? {} : { subject: subject.descriptor }),
      annotations: { 'org.example.about': content },
    }),
  );
  const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.byteLength };
  return {
    descriptor,
    bytes,
    blobs: new Map(blobs.map((blob) => [digestOf(blob), blob])),
    documents: new Map([[descriptor.digest, OCI_MANIFEST]]),
  };
}

function tagOf(digest: Digest, kind = ''): string {
  return `sha256-${hexOf(digest)}${kind}`;
}

const ATTESTATION = artifact('provenance');
const INDEX = sampleIndex([
  { document: SAMPLES.amd64, platform: AMD64 },
  { document: SAMPLES.arm64, platform: ARM64 },
  {
    document: ATTESTATION,
    platform: parsePlatform('unknown/unknown'),
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': SAMPLES.amd64.descriptor.digest },
  },
]);
const SIGNATURE = artifact('signature');
const SBOM = artifact('sbom', { subject: SAMPLES.amd64, type: 'application/spdx+json' });
const SBOM_SIGNATURE = artifact('signature of the sbom', { subject: SBOM, type: 'application/vnd.example.signature' });
const OTHER = artifact('about arm64 alone', { subject: SAMPLES.arm64 });
const REFERRERS: readonly (readonly [SampleDocument, readonly SampleDocument[]])[] = [
  [SAMPLES.amd64, [SBOM]],
  [SAMPLES.arm64, [OTHER]],
  [SBOM, [SBOM_SIGNATURE]],
];
const ALL = [ATTESTATION, SIGNATURE, SBOM, SBOM_SIGNATURE].map(({ descriptor }) => descriptor.digest).toSorted();

const http = new HttpClient({ sleep: async () => {} });
const open: { close(): Promise<unknown> }[] = [];
const events: Event[] = [];

afterEach(async () => {
  events.length = 0;
  for (const one of open.splice(0).reverse()) await one.close();
});
afterAll(() => http.close());

type Way = 'api' | 'tags';

async function registryWith(way: Way): Promise<LoopbackRegistry> {
  const registry = await LoopbackRegistry.start();
  registry.put('team/app', '1', INDEX);
  registry.put('team/app', tagOf(INDEX.descriptor.digest, '.sig'), SIGNATURE);
  for (const document of [SBOM, SBOM_SIGNATURE, OTHER])
    registry.put('team/app', `any-${hexOf(document.descriptor.digest).slice(0, 8)}`, document);
  if (way === 'tags') {
    for (const [subject, found] of REFERRERS) {
      registry.put('team/app', tagOf(subject.descriptor.digest), sampleIndex(found.map((document) => ({ document }))));
    }
    return registry;
  }
  registry.intercept = (request, response) => {
    const [, digest, query] = /\/referrers\/(sha256:[0-9a-f]{64})(\?.*)?$/.exec(request.url ?? '') ?? [];
    if (digest === undefined) return false;
    // The second page has what there is, so that nobody stops at the first.
    const found = query === undefined ? [] : (REFERRERS.find(([subject]) => subject.descriptor.digest === digest)?.[1] ?? []);
    const link = query === undefined ? { link: `</v2/team/app/referrers/${digest}?last=0>; rel="next"` } : {};
    response.writeHead(200, { 'content-type': OCI_INDEX, ...link });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: found.map(({ descriptor }) => descriptor) }));
    return true;
  };
  return registry;
}

function sourceIn(directory = '/nowhere'): ImageSource {
  return openImageSource({ http, directory, emit: (event) => events.push(event) });
}

function digestsOf(attached: readonly AttachedManifest[] | undefined): string[] {
  return (attached ?? []).map(({ manifest }) => manifest.digest).toSorted();
}

describe.each(['api', 'tags'] as const)('what is attached to an image of a registry that lists referrers by %s', (way) => {
  it('is found by subject, by the tags of cosign and in the index, and so is what is attached to that', async () => {
    const registry = await registryWith(way);
    open.push(registry);
    const source = sourceIn();
    const reference = `${registry.host}/team/app:1`;
    const { root, attached } = await source.resolve(reference, { platforms: [AMD64], attached: true });
    expect(root).toEqual(INDEX.descriptor);
    expect(digestsOf(attached)).toEqual(ALL);
    expect(attached?.find(({ manifest }) => manifest.digest === SBOM.descriptor.digest)).toEqual({
      manifest: SBOM.descriptor,
      subject: SAMPLES.amd64.descriptor.digest,
      artifactType: 'application/spdx+json',
      annotations: { 'org.example.about': 'sbom' },
      tags: [],
      blobs: [...SBOM.blobs].map(([digest, { byteLength: size }]) => ({ mediaType: 'application/vnd.oci.empty.v1+json', digest, size })),
    });
    expect(attached?.find(({ manifest }) => manifest.digest === SIGNATURE.descriptor.digest)?.tags).toEqual([
      tagOf(INDEX.descriptor.digest, '.sig'),
    ]);
    for (const { manifest, blobs } of attached ?? []) {
      for (const blob of [manifest, ...blobs]) expect(digestOf(await bytesOf(await source.openBlob(reference, blob)))).toBe(blob.digest);
    }
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  it('is not asked for unless it is wanted', async () => {
    const registry = await registryWith(way);
    open.push(registry);
    const resolved = await sourceIn().resolve(`${registry.host}/team/app:1`, { platforms: [AMD64] });
    expect(resolved.attached).toBeUndefined();
    expect([...registry.asked('referrers'), ...registry.asked('sha256-')]).toEqual([]);
  });
});

it('takes what is no list of referrers for none, as hubs answer it', async () => {
  const registry = await registryWith('tags');
  open.push(registry);
  registry.intercept = (request, response) => {
    if (request.url?.includes('/referrers/') !== true) return false;
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>not found</html>');
    return true;
  };
  const { attached } = await sourceIn().resolve(`${registry.host}/team/app:1`, { platforms: [AMD64], attached: true });
  expect(digestsOf(attached)).toEqual(ALL);
});

it('says which referrer it leaves, when that is an index', async () => {
  const registry = await registryWith('tags');
  open.push(registry);
  registry.put('team/app', tagOf(SAMPLES.amd64.descriptor.digest, '.att'), sampleIndex([]));
  await sourceIn().resolve(`${registry.host}/team/app:1`, { platforms: [AMD64], attached: true });
  expect(events).toContainEqual({ type: 'warning', message: expect.stringContaining('is an index: it is not carried along') });
});

it('finds what is attached in an OCI archive', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-'));
  const members = layoutMembers([
    { name: '1', document: INDEX },
    { name: tagOf(INDEX.descriptor.digest, '.sig'), document: SIGNATURE },
    ...[SBOM, SBOM_SIGNATURE, OTHER].map((document) => ({ document })),
  ]);
  await writeFile(join(directory, 'x.tar'), tarOf(members));
  const source = sourceIn(directory);
  open.push(source, { close: () => rm(directory, { recursive: true }) });
  expect(digestsOf((await source.resolve('oci-archive:x.tar:1', { platforms: [AMD64], attached: true })).attached)).toEqual(ALL);
});

describe('a bundle that was built with referrers', () => {
  let registry: LoopbackRegistry;
  let workshop: Workshop;
  let depot: RunningDepot;
  let source: ImageSource;
  let reference: string;

  beforeAll(async () => {
    registry = await registryWith('api');
    reference = `${registry.host}/team/app:1`;
    source = sourceIn();
    workshop = await openWorkshop({ images: {} });
    await workshop.write('images.txt', `${reference} as registry.example/app:1\n`);
    const { output } = await buildBundle(workshop.request({ withReferrers: true }), { ...workshop.upstream, images: source });
    depot = await startDepot({ bundles: [output], repositoryKey: await makeRepositoryKey(), host: '127.0.0.1', port: 0, emit: silent });
  });
  afterAll(async () => {
    await depot.close(0);
    await registry.close();
    await workshop.remove();
  });

  it('serves them where clients look for them: by referrers, tags and digests, with all their blobs', async () => {
    const served = `127.0.0.1:${depot.port}/registry.example/app:1`;
    const client = sourceIn();
    const upstream = await source.resolve(reference, { platforms: [AMD64], attached: true });
    const found = await client.resolve(served, { platforms: [AMD64], attached: true });
    expect(found).toEqual(upstream);
    for (const { manifest, blobs } of found.attached ?? []) {
      for (const blob of [manifest, ...blobs]) expect(digestOf(await bytesOf(await client.openBlob(served, blob)))).toBe(blob.digest);
    }
  });

  it('lists them with type and annotations, and by type alone', async () => {
    const address = `http://127.0.0.1:${depot.port}/v2/registry.example/app/referrers/${SAMPLES.amd64.descriptor.digest}`;
    const all: unknown = JSON.parse((await http.requestWhole({ url: address }, 65_536)).bytes.toString());
    expect(all).toMatchObject({
      manifests: [{ ...SBOM.descriptor, artifactType: 'application/spdx+json', annotations: { 'org.example.about': 'sbom' } }],
    });
    const none: unknown = JSON.parse((await http.requestWhole({ url: `${address}?artifactType=x` }, 65_536)).bytes.toString());
    expect(none).toMatchObject({ manifests: [] });
  });

  it('is the same again from its lock, and refused without --with-referrers', async () => {
    const lock = parseLock(await readFile(join(workshop.directory, 'bundle.lock.json'), 'utf8'), 'lock');
    expect(lock.images[0]?.attached?.map(({ manifest }) => manifest.digest)).toEqual(ALL);
    const upstream = { ...workshop.upstream, images: source };
    const output = join(workshop.directory, 'again.tar');
    await buildBundle(workshop.request({ withReferrers: true, frozen: true, output }), upstream);
    expect((await readFile(output)).equals(await readFile(join(workshop.directory, 'out/demo.tar')))).toBe(true);
    await expect(buildBundle(workshop.request({ frozen: true, output }), upstream)).rejects.toMatchObject({
      code: 'LOCK_MISMATCH',
      message: expect.stringContaining('is locked with its referrers'),
    });
  });
});
