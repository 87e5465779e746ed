import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildBundle, connectUpstream, parseLock, parseMirrors, planReport, type Upstream } from '../../src/builder/index.ts';
import { bundleBlobs, openBundle, SBOM_JSON, verifyBundle, type BundleReader } from '../../src/bundle/index.ts';
import { digestOf, fixedClock, silent, systemClock } from '../../src/core/index.ts';
import { makeRepositoryKey, startDepot, type RunningDepot } from '../../src/depot/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { parseDestination, pushBundle } from '../../src/push/index.ts';
import { endpointOf, RegistryWriter } from '../../src/registry/index.ts';
import { LoopbackRegistry } from '../support/loopback-registry.ts';
import { sampleArtifact } from '../support/sample-artifact.ts';
import { sampleImage, sampleIndex, sampleLayer, type SampleDocument } from '../support/sample-image.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const HELM = 'application/vnd.cncf.helm.config.v1+json';
const file = sampleArtifact({ artifactType: 'application/vnd.example.policy', files: { 'policy.json': '{"allow": []}' } });
const chart = sampleArtifact({
  configType: HELM,
  config: '{"name":"web","version":"1.2.3","apiVersion":"v2"}',
  layerType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
  files: { 'web-1.2.3.tgz': 'a chart' },
});
const other = sampleArtifact({ artifactType: 'application/vnd.example.policy', files: { 'other.json': '[]' } });
const both = sampleIndex([{ document: file }, { document: other }]);
const image = sampleImage([sampleLayer('base')]);
const NAMES: Readonly<Record<string, SampleDocument>> = {
  'team/policy': file,
  'charts/web': chart,
  'team/policies': both,
  'team/app': image,
};

const endings: (() => Promise<unknown>)[] = [];
let workshop: Workshop;
let registry: LoopbackRegistry;
let upstream: Upstream;

beforeEach(async () => {
  workshop = await openWorkshop({ images: {} });
  await workshop.write(
    'images.txt',
    Object.keys(NAMES)
      .map((name) => `registry.example/${name}:1.0\n`)
      .join(''),
  );
  registry = await LoopbackRegistry.start();
  for (const [name, document] of Object.entries(NAMES)) registry.put(name, '1.0', document);
  const connected = await connectUpstream({
    imageLists: [join(workshop.directory, 'images.txt')],
    mirrors: parseMirrors([`registry.example=${registry.origin}`]),
    env: {},
    clock: fixedClock(new Date('2026-01-03T00:00:00Z')),
    emit: (event) => workshop.events.push(event),
  });
  // Packages come from memory.
  upstream = { ...workshop.upstream, images: connected.images };
  endings.push(
    () => connected.close(),
    () => registry.close(),
    () => workshop.remove(),
  );
});
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

async function built(): Promise<BundleReader> {
  const { output } = await buildBundle(workshop.request(), upstream);
  const reader = await openBundle(output);
  endings.unshift(() => reader.close());
  return reader;
}

describe('OCI artifacts', () => {
  it('are carried whole, whatever their configuration, as one or as an index, and asked for no platform', async () => {
    const result = await buildBundle(
      workshop.request({
        platforms: [
          { os: 'linux', architecture: 'amd64' },
          { os: 'linux', architecture: 'arm64' },
        ],
        readStdin: async () =>
          Buffer.from('registry.example/team/policy:1.0\nregistry.example/charts/web:1.0\nregistry.example/team/policies:1.0\n'),
        images: ['-'],
      }),
      upstream,
    );
    expect((await verifyBundle(result.output)).findings).toEqual([]);
    expect(result.plan.manifest.apiVersion).toBe('caisson.bundle/v2');
    expect(result.plan.manifest.images.map(({ name, root, platforms, artifacts }) => [name, root.digest, platforms, artifacts])).toEqual([
      ['registry.example/charts/web:1.0', chart.descriptor.digest, [], [expect.objectContaining({ artifactType: HELM })]],
      [
        'registry.example/team/policies:1.0',
        both.descriptor.digest,
        [],
        [file, other].map(({ descriptor }) => expect.objectContaining({ manifest: descriptor })),
      ],
      [
        'registry.example/team/policy:1.0',
        file.descriptor.digest,
        [],
        [expect.objectContaining({ artifactType: 'application/vnd.example.policy' })],
      ],
    ]);
    const members = new Set(result.plan.manifest.entries.map(({ digest }) => digest));
    for (const document of [file, chart, both]) for (const digest of document.blobs.keys()) expect(members).toContain(digest);
    expect(planReport(result, upstream).images.map(({ platforms, artifactTypes }) => [platforms, artifactTypes])).toEqual([
      [[], [HELM]],
      [[], ['application/vnd.example.policy']],
      [[], ['application/vnd.example.policy']],
    ]);
  });

  it('stand beside images, and leave a bundle of images alone at version 1', async () => {
    const reader = await built();
    expect(reader.manifest.images.find(({ name }) => name.includes('team/app'))).toMatchObject({
      platforms: [{ platform: 'linux/amd64' }],
    });
    const { output } = await buildBundle(
      workshop.request({
        images: ['-'],
        readStdin: async () => Buffer.from('registry.example/team/app:1.0\n'),
        output: `${reader.path}.2`,
      }),
      upstream,
    );
    const alone = await openBundle(output);
    expect(alone.manifest.apiVersion).toBe('caisson.bundle/v1');
    await alone.close();
  });

  it('are kept by the lock without a request, also in a build from it alone', async () => {
    await built();
    registry.requests.length = 0;
    for (const frozen of [false, true]) expect((await buildBundle(workshop.request({ frozen }), upstream)).outcome).toBe('unchanged');
    expect(registry.requests).toEqual([]);
    const text = await readFile(workshop.request().lock, 'utf8');
    const lock = JSON.parse(text) as { images: { artifacts?: unknown }[] };
    for (const one of lock.images) delete one.artifacts;
    await writeFile(workshop.request().lock, JSON.stringify(lock));
    expect(() => parseLock(JSON.stringify(lock), 'lock')).toThrow(/images\[0\]\.manifests.* is empty, and the image is no artifact/);
  });

  it('are in the SBOM by manifest, with their type', async () => {
    const reader = await built();
    const sbom = JSON.parse((await reader.read(SBOM_JSON, { limit: 2 ** 20 })).toString()) as { components: { 'bom-ref': string }[] };
    expect(sbom.components.find((component) => component['bom-ref'].startsWith('artifact:registry.example/charts/web'))).toMatchObject({
      type: 'file',
      name: 'registry.example/charts/web',
      version: '1.0',
      supplier: { name: 'registry.example/charts' },
      purl: `pkg:oci/web@${digestOf(chart.bytes)}?repository_url=registry.example%2Fcharts%2Fweb&tag=1.0`,
      properties: expect.arrayContaining([{ name: 'caisson:artifactType', value: HELM }]),
    });
  });

  async function served(path: string): Promise<RunningDepot> {
    const depot = await startDepot({ bundles: [path], repositoryKey: await makeRepositoryKey(), host: '127.0.0.1', port: 0, emit: silent });
    endings.unshift(() => depot.close(0));
    return depot;
  }

  it('are served with their bytes and types, by tag and by digest', async () => {
    const depot = await served((await built()).path);
    const http = new HttpClient();
    endings.unshift(() => http.close());
    for (const [name, document] of Object.entries(NAMES)) {
      const base = `http://127.0.0.1:${depot.port}/v2/registry.example/${name}`;
      const all = [['1.0', document.bytes], ...[...document.blobs].filter(([digest]) => document.documents.has(digest))] as const;
      for (const [reference, bytes] of all) {
        const answer = await http.requestWhole({ url: `${base}/manifests/${reference}` }, 2 ** 20);
        expect(answer.status, `${name} ${reference}`).toBe(200);
        expect(answer.bytes.equals(bytes)).toBe(true);
        expect(answer.headers['content-type']).toBe(document.documents.get(digestOf(bytes)));
      }
      for (const [digest, bytes] of document.blobs) {
        if (document.documents.has(digest)) continue;
        expect((await http.requestWhole({ url: `${base}/blobs/${digest}` }, 2 ** 20)).bytes.equals(bytes)).toBe(true);
      }
    }
  });

  it('are pushed into another registry under their digests', async () => {
    const reader = await built();
    const target = await LoopbackRegistry.start();
    const http = new HttpClient();
    endings.unshift(
      () => target.close(),
      () => http.close(),
    );
    await pushBundle(
      { images: reader.manifest.images, blobs: bundleBlobs(reader) },
      { destination: parseDestination(`${target.host}/site`), keepDomain: false, reduceIndexes: false, planOnly: false, jobs: 4 },
      { registry: new RegistryWriter(endpointOf(target.host, new Map()), { http }), clock: systemClock, emit: silent },
    );
    for (const [name, document] of Object.entries(NAMES)) {
      expect(target.tagOf(`site/${name}`, '1.0'), name).toBe(document.descriptor.digest);
      for (const [digest, bytes] of document.blobs) expect(target.contentOf(`site/${name}`, digest)?.equals(bytes)).toBe(true);
    }
  });
});
