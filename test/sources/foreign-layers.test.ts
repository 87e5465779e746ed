import { afterAll, afterEach, expect, it } from 'vitest';
import { digestOf, parsePlatform } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { OCI_MANIFEST, type Descriptor } from '../../src/oci/index.ts';
import { RegistrySource } from '../../src/sources/index.ts';
import { bytesOf, SAMPLES } from '../contract/image-source.ts';
import { LoopbackRegistry, sendRange } from '../support/loopback-registry.ts';
import { useLoopbackServers } from '../support/loopback-server.ts';
import { rawDocument, type SampleDocument } from '../support/sample-image.ts';

const PLATFORMS = { platforms: [parsePlatform('linux/amd64')] };
const FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
const LAYER = Buffer.from('a layer that must not be distributed '.repeat(1000));
const AUTH = { type: 'basic', username: 'user', password: 'secret' } as const;

const startServer = useLoopbackServers();
const http = new HttpClient({ sleep: async () => {} });
const open: LoopbackRegistry[] = [];

afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});
afterAll(() => http.close());

function imageWith(urls: readonly string[], blobs: readonly Buffer[]): SampleDocument {
  const layer = { mediaType: FOREIGN, digest: digestOf(LAYER), size: LAYER.byteLength, urls };
  const { config } = SAMPLES.amd64;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] }));
  const kept = new Map([...SAMPLES.amd64.blobs, ...blobs.map((blob) => [digestOf(blob), blob] as const)]);
  return { ...rawDocument(bytes, OCI_MANIFEST), blobs: kept };
}

async function layerOf(
  registry: LoopbackRegistry,
  image: SampleDocument,
): Promise<{ source: RegistrySource; reference: string; layer: Descriptor }> {
  open.push(registry);
  registry.put('team/app', '1', image);
  const source = new RegistrySource({ http, findCredentials: async () => ({ ...AUTH, type: 'password' }) });
  const reference = `${registry.host}/team/app:1`;
  const layer = (await source.resolve(reference, PLATFORMS)).manifests[0]?.layers[0];
  if (layer === undefined) throw new Error('The image has no layer');
  return { source, reference, layer };
}

it('takes a foreign layer from the registry when that has it, with its media type unchanged', async () => {
  const server = await startServer((_, response) => response.writeHead(500).end());
  const image = imageWith([`${server.origin}/layer`], [LAYER]);
  const { source, reference, layer } = await layerOf(await LoopbackRegistry.start(), image);
  expect(layer.mediaType).toBe(FOREIGN);
  expect(await bytesOf(await source.openBlob(reference, layer))).toEqual(LAYER);
  expect(server.requests).toEqual([]);
});

it('takes one that the registry does not have from its addresses, without credentials, the next after one that fails, from an offset', async () => {
  const server = await startServer((request, response) => {
    if (request.url === '/gone') response.writeHead(404).end();
    else sendRange(request, response, LAYER);
  });
  const image = imageWith([`${server.origin}/gone`, `${server.origin}/layer`], []);
  const { source, reference, layer } = await layerOf(await LoopbackRegistry.start({ auth: AUTH }), image);
  expect(digestOf(await bytesOf(await source.openBlob(reference, layer)))).toBe(layer.digest);
  expect(await bytesOf(await source.openBlob(reference, layer, { offset: 1000 }))).toEqual(LAYER.subarray(1000));
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(server.requests.map(() => undefined));
  expect(server.requests.length).toBeGreaterThan(0);
});

it('fails with the reason of the last address when none has it', async () => {
  const server = await startServer((_, response) => response.writeHead(404).end());
  const { source, reference, layer } = await layerOf(await LoopbackRegistry.start(), imageWith([`${server.origin}/gone`], []));
  await expect(source.openBlob(reference, layer)).rejects.toMatchObject({ message: expect.stringContaining('/gone') });
});

it('asks no address that is not http', async () => {
  const image = imageWith(['file:///etc/passwd', 'ftp://x/y', '../x'], []);
  const { source, reference, layer } = await layerOf(await LoopbackRegistry.start(), image);
  expect(layer.urls).toBeUndefined();
  await expect(source.openBlob(reference, layer)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
});
