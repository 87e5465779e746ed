import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf, parsePlatform } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST, type ImageSource, type ResolvedImage } from '../../src/oci/index.ts';
import { openImageSource } from '../../src/sources/index.ts';
import { bytesOf } from '../contract/image-source.ts';
import { dockerMembers, tarOf, type ArchiveMember } from '../support/image-archives.ts';
import { sampleLayer } from '../support/sample-image.ts';
import { useTempDir } from '../support/temp-dir.ts';

const AMD64 = parsePlatform('linux/amd64');
const SHARED = sampleLayer('shared', 300_000);
const OWN = sampleLayer('own');
const MEMBERS = dockerMembers([
  { names: ['team/app:1', 'registry.example/app:1'], layers: [SHARED, OWN] },
  { names: ['team/other:1'], layers: [SHARED], architecture: 'arm64' },
]);
const APP = 'docker-archive:x:team/app:1';

const directory = useTempDir();
const http = new HttpClient();
const open: ImageSource[] = [];

afterEach(async () => {
  for (const source of open.splice(0)) await source.close();
});

async function sourceOf(bytes: Buffer): Promise<ImageSource> {
  await writeFile(join(directory(), 'x'), bytes);
  const source = openImageSource({ http, directory: directory() });
  open.push(source);
  return source;
}

async function resolve(members: readonly ArchiveMember[], reference = APP): Promise<ResolvedImage> {
  return (await sourceOf(tarOf(members))).resolve(reference, { platforms: [AMD64] });
}

/** The members with another manifest.json: the list that there is, changed. */
function withList(change: (item: { Config: string; RepoTags: unknown; Layers: unknown }) => unknown): ArchiveMember[] {
  return MEMBERS.map((member) => {
    if (member.path !== 'manifest.json') return member;
    const list: { Config: string; RepoTags: unknown; Layers: unknown }[] = JSON.parse(String(member.content));
    return { ...member, content: JSON.stringify(list.map(change)) };
  });
}

describe('a docker archive as an image source', () => {
  it('gives an OCI manifest of the configuration and the layers as they lie there', async () => {
    const source = await sourceOf(tarOf(MEMBERS));
    const { root, documents, manifests } = await source.resolve(APP, { platforms: [AMD64] });
    const manifest = await source.readManifest(APP, root.digest);
    expect(digestOf(manifest)).toBe(root.digest);
    expect(documents).toEqual([root]);
    expect(JSON.parse(manifest.toString())).toEqual({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: manifests[0]?.config.digest, size: manifests[0]?.config.size },
      layers: [SHARED, OWN].map(({ tar }) => ({ mediaType: OCI_LAYER, digest: digestOf(tar), size: tar.byteLength })),
    });
    for (const descriptor of [root, ...manifests.flatMap(({ config, layers }) => [config, ...layers])]) {
      const bytes = await bytesOf(await source.openBlob(APP, descriptor));
      expect(digestOf(bytes)).toBe(descriptor.digest);
      expect(bytes.subarray(7)).toEqual(await bytesOf(await source.openBlob(APP, descriptor, { offset: 7 })));
    }
  });

  it('gives one image one digest, whatever else is in the archive, in which order, and compressed or not', async () => {
    const { root } = await resolve(MEMBERS);
    const alone = dockerMembers([{ names: null, layers: [SHARED, OWN] }]);
    expect((await resolve(alone, 'docker-archive:x')).root).toEqual(root);
    expect((await resolve([...MEMBERS].reverse())).root).toEqual(root);
    const source = await sourceOf(gzipSync(tarOf(MEMBERS)));
    expect((await source.resolve('docker-archive:x:registry.example/app:1', { platforms: [AMD64] })).root).toEqual(root);
  });

  it('reads a layer that older engines write as a link to that of another image', async () => {
    expect(MEMBERS.filter(({ link }) => link !== undefined)).toHaveLength(1);
    const source = await sourceOf(tarOf(MEMBERS));
    const { manifests } = await source.resolve('docker-archive:x:team/other:1', { platforms: [parsePlatform('linux/arm64')] });
    expect(manifests[0]?.layers.map(({ digest }) => digest)).toEqual([digestOf(SHARED.tar)]);
  });

  it('keeps layers that are compressed in the archive, checked by their content', async () => {
    const members = dockerMembers([{ names: ['team/app:1'], layers: [SHARED, OWN] }], { compressed: true });
    const { manifests } = await resolve(members);
    expect(manifests[0]?.layers).toEqual(
      [SHARED, OWN].map(({ compressed }) => ({ mediaType: OCI_LAYER_GZIP, digest: digestOf(compressed), size: compressed.byteLength })),
    );
  });

  it('gives a blob of the lock without resolving, as a frozen build asks for it', async () => {
    const layer = { mediaType: OCI_LAYER, digest: digestOf(OWN.tar), size: OWN.tar.byteLength };
    expect(await bytesOf(await (await sourceOf(tarOf(MEMBERS))).openBlob(APP, layer))).toEqual(OWN.tar);
  });

  it('does not give what the archive does not have any more', async () => {
    const source = await sourceOf(tarOf(dockerMembers([{ names: ['team/app:1'], layers: [OWN] }])));
    const gone = { mediaType: OCI_LAYER, digest: digestOf(SHARED.tar), size: SHARED.tar.byteLength };
    await expect(source.openBlob(APP, gone)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN', hint: expect.stringContaining('--update') });
    await expect(source.readManifest(APP, gone.digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('names the images that there are for one that is not there, or when several are meant', async () => {
    for (const reference of ['docker-archive:x:team/app:2', 'docker-archive:x']) {
      await expect(resolve(MEMBERS, reference)).rejects.toMatchObject({
        code: 'IMAGE_NOT_FOUND',
        message: expect.stringContaining('it has "docker.io/team/app:1", "registry.example/app:1", "docker.io/team/other:1"'),
      });
    }
  });

  it('names the platform of an image that is for another one', async () => {
    await expect(resolve(MEMBERS, 'docker-archive:x:team/other:1')).rejects.toMatchObject({ code: 'IMAGE_PLATFORM_MISSING' });
  });

  it('refuses a layer that is not the one of its configuration, plain or compressed', async () => {
    const layers = MEMBERS.map((member) => (member.path === '0-1/layer.tar' ? { ...member, content: sampleLayer('evil').tar } : member));
    await expect(resolve(layers)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining('layer "0-1/layer.tar"'),
    });
    const packed = MEMBERS.map((member) =>
      member.path === '0-1/layer.tar' ? { ...member, content: sampleLayer('evil').compressed } : member,
    );
    await expect(resolve(packed)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('refuses a configuration that is not the one of its name', async () => {
    const members = MEMBERS.map((member) =>
      /^[0-9a-f]{64}\.json$/.test(member.path) ? { ...member, content: `${String(member.content)} ` } : member,
    );
    await expect(resolve(members)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH', message: expect.stringContaining('configuration "') });
  });

  it('refuses compressed layers that are damaged, and zstd', async () => {
    const cut = MEMBERS.map((member) =>
      member.path === '0-1/layer.tar' ? { ...member, content: OWN.compressed.subarray(0, 900) } : member,
    );
    await expect(resolve(cut)).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' });
    const zstd = MEMBERS.map((member) =>
      member.path === '0-1/layer.tar' ? { ...member, content: Buffer.from('28b52ffd00', 'hex') } : member,
    );
    await expect(resolve(zstd)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED', hint: expect.stringContaining('oci-archive:') });
  });

  it.each([
    [
      'a layer that is not there',
      withList((item) => ({ ...item, Layers: ['0-0/layer.tar', 'nowhere'] })),
      'the layer "nowhere", which is not there',
    ],
    ['a configuration that is not there', withList((item) => ({ ...item, Config: 'nowhere' })), 'the configuration "nowhere"'],
    ['a configuration outside', withList((item) => ({ ...item, Config: '../../etc/passwd' })), 'which is not there'],
    ['fewer layers than the configuration', withList((item) => ({ ...item, Layers: ['0-0/layer.tar'] })), 'lists 1 layers'],
    ['layers that are no list', withList((item) => ({ ...item, Layers: 7 })), 'item 1 of its manifest.json has no list of layers'],
    ['names that are no list', withList((item) => ({ ...item, RepoTags: ['a', 1] })), 'no list of names'],
    ['no configuration', withList(() => ({})), 'names no configuration'],
    ['something else than a list', [{ path: 'manifest.json', content: '{}' }], 'is not a list in JSON'],
    ['no JSON', [{ path: 'manifest.json', content: '[' }], 'is not a list in JSON'],
    ['no manifest.json', [{ path: 'x', content: '' }], 'it has no "manifest.json"'],
    [
      'a configuration without diff IDs',
      [
        { path: 'c', content: '{}' },
        { path: 'manifest.json', content: '[{"Config":"c","RepoTags":["team/app:1"],"Layers":[]}]' },
      ],
      'no list of diff IDs',
    ],
    [
      'a layer that links out',
      [...MEMBERS.filter(({ path }) => path !== '0-1/layer.tar'), { path: '0-1/layer.tar', link: '../../x' }],
      'leads out of it',
    ],
    [
      'a layer that links to itself',
      [...MEMBERS.filter(({ path }) => path !== '0-1/layer.tar'), { path: '0-1/layer.tar', link: 'layer.tar' }],
      'go in circles',
    ],
  ])('refuses an archive with %s', async (_, members, reason) => {
    await expect(resolve(members)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID', message: expect.stringContaining(reason) });
  });

  it('ends with the reason of the signal', async () => {
    const source = await sourceOf(tarOf(MEMBERS));
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(source.resolve(APP, { platforms: [AMD64], signal })).rejects.toThrow('stopped');
  });
});
