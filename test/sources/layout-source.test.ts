import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { digestOf, parsePlatform } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import type { ImageSource } from '../../src/oci/index.ts';
import { openImageSource } from '../../src/sources/index.ts';
import { bytesOf, describeImageSource, SAMPLE_INDEX, SAMPLES } from '../contract/image-source.ts';
import { layoutMembers, tarOf, writeMembers, type ArchiveMember } from '../support/image-archives.ts';
import { useTempDir } from '../support/temp-dir.ts';

const PLATFORMS = { platforms: [parsePlatform('linux/amd64')] };
const FULL = 'registry.example/team/app:1.0';
const MEMBERS = layoutMembers([
  { name: 'index', document: SAMPLE_INDEX },
  { name: '1', document: SAMPLES.amd64 },
  { name: FULL, document: SAMPLES.amd64 },
]);

const directory = useTempDir();
const http = new HttpClient();
const open: ImageSource[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const source of open.splice(0)) await source.close();
});

function sourceIn(place: string): ImageSource {
  const source = openImageSource({ http, directory: place });
  open.push(source);
  return source;
}

function contract(name: string, transport: string, write: (place: string) => Promise<void>): void {
  describeImageSource(name, async () => {
    const place = await mkdtemp(join(tmpdir(), 'caisson-'));
    await write(place);
    return {
      source: openImageSource({ http, directory: place }),
      image: `${transport}:images:1`,
      index: `${transport}:images:index`,
      absent: `${transport}:images:absent`,
      close: () => rm(place, { recursive: true }),
    };
  });
}

contract('an OCI layout', 'oci', (place) => writeMembers(join(place, 'images'), MEMBERS));
contract('an OCI archive', 'oci-archive', (place) => writeFile(join(place, 'images'), tarOf(MEMBERS)));
contract('a compressed OCI archive', 'oci-archive', (place) => writeFile(join(place, 'images'), gzipSync(tarOf(MEMBERS))));

describe.each(['oci', 'oci-archive'])('%s', (transport) => {
  const write = (members: readonly ArchiveMember[]): Promise<void> =>
    transport === 'oci' ? writeMembers(join(directory(), 'x'), members) : writeFile(join(directory(), 'x'), tarOf(members));
  const resolve = (rest = ''): ReturnType<ImageSource['resolve']> => sourceIn(directory()).resolve(`${transport}:x${rest}`, PLATFORMS);

  it('finds the only image without a name, by its full name and by digest', async () => {
    await write(MEMBERS);
    expect((await resolve(`:${FULL}`)).root).toEqual(SAMPLES.amd64.descriptor);
    expect(await resolve(`@${SAMPLES.arm64.descriptor.digest}`).catch((error: unknown) => error)).toMatchObject({
      code: 'IMAGE_PLATFORM_MISSING',
    });
    const pinned = await resolve(`@${SAMPLE_INDEX.descriptor.digest}`);
    expect(pinned.root).toEqual(SAMPLE_INDEX.descriptor);
    await expect(resolve()).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: expect.stringContaining(`it has "index", "1", "${FULL}"`),
    });
  });

  it('takes an image without any name when it is the only one', async () => {
    await write(layoutMembers([{ document: SAMPLES.amd64 }]));
    expect((await resolve()).root).toEqual(SAMPLES.amd64.descriptor);
  });

  it('refuses a manifest that does not have its digest', async () => {
    const bad = layoutMembers([{ name: '1', document: SAMPLES.amd64 }]).map((member) =>
      member.path.endsWith(SAMPLES.amd64.descriptor.digest.slice(7)) ? { ...member, content: `${String(member.content)} ` } : member,
    );
    await write(bad);
    await expect(resolve(':1')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('refuses a layout without a blob that the image needs, or with one of another size', async () => {
    const [layer] = SAMPLES.amd64.layers;
    const isLayer = ({ path }: ArchiveMember): boolean => path.endsWith(layer?.digest.slice(7) ?? 'none');
    await write(MEMBERS.filter((member) => !isLayer(member)));
    await expect(resolve(':1')).rejects.toMatchObject({ code: 'BLOB_UNKNOWN', hint: expect.stringContaining('--update') });
    await rm(join(directory(), 'x'), { recursive: true });
    await write(MEMBERS.map((member) => (isLayer(member) ? { ...member, content: 'short' } : member)));
    await expect(resolve(':1')).rejects.toMatchObject({ code: 'ARCHIVE_INVALID', message: expect.stringContaining('has 5 bytes') });
  });

  it.each([
    ['no layout marker', MEMBERS.filter(({ path }) => path !== 'oci-layout'), 'it has no "oci-layout"'],
    ['no index.json', MEMBERS.filter(({ path }) => path !== 'index.json'), 'it has no "index.json"'],
    ['another layout version', [{ path: 'oci-layout', content: '{"imageLayoutVersion":"2"}' }, ...MEMBERS.slice(1)], 'layout version'],
  ])('refuses a layout with %s', async (_, members, reason) => {
    await write(members);
    await expect(resolve(':1')).rejects.toMatchObject({ code: 'ARCHIVE_INVALID', message: expect.stringContaining(reason) });
  });

  it('refuses a place where nothing is', async () => {
    await expect(resolve(':1')).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', message: expect.stringContaining('there is no such') });
  });

  it('names the file itself in what it asks', () => {
    expect(sourceIn('/images').describe(`${transport}:x:1`)).toBe(`${transport}:/images/x:1`);
  });
});

describe('a compressed archive', () => {
  it('is unpacked to a temporary directory that is gone after close', async () => {
    vi.stubEnv('TMPDIR', directory());
    await writeFile(join(directory(), 'x'), gzipSync(tarOf(MEMBERS)));
    const source = openImageSource({ http, directory: directory() });
    await source.resolve('oci-archive:x:1', PLATFORMS);
    expect(await readdir(directory())).toEqual([expect.stringMatching(/^caisson-images-/), 'x']);
    await source.close();
    expect(await readdir(directory())).toEqual(['x']);
  });

  it.each([
    ['cut short', (bytes: Buffer) => gzipSync(bytes).subarray(0, 2000), 'COMPRESSION_INVALID'],
    ['in another format', () => Buffer.from('fd377a585a000004', 'hex'), 'COMPRESSION_INVALID'],
    ['of nothing', () => gzipSync(Buffer.alloc(0)), 'ARCHIVE_INVALID'],
  ])('is refused when it is %s', async (_, make, code) => {
    await writeFile(join(directory(), 'x'), make(tarOf(MEMBERS)));
    await expect(sourceIn(directory()).resolve('oci-archive:x:1', PLATFORMS)).rejects.toMatchObject({ code });
  });
});

describe('a changed archive', () => {
  it('does not give what is not in it any more', async () => {
    await writeFile(join(directory(), 'x'), tarOf(layoutMembers([{ name: '1', document: SAMPLES.arm64 }])));
    const source = sourceIn(directory());
    const [, own] = SAMPLES.amd64.layers;
    if (own === undefined) throw new Error('The sample has one layer only');
    for (const descriptor of [own, SAMPLES.amd64.descriptor]) {
      await expect(source.openBlob('oci-archive:x:1', descriptor)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    }
  });

  it('gives its bytes as they are, for the caller to check', async () => {
    const [layer] = SAMPLES.amd64.layers;
    if (layer === undefined) throw new Error('The sample has no layer');
    await writeFile(join(directory(), 'x'), tarOf(MEMBERS));
    expect(digestOf(await bytesOf(await sourceIn(directory()).openBlob('oci-archive:x:1', layer)))).toBe(layer.digest);
  });
});
