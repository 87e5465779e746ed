import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, parsePlatform } from '../../src/core/index.ts';
import type { Descriptor, ImageSource, ResolvedImage } from '../../src/oci/index.ts';
import { sampleImage, sampleIndex, sampleLayer } from '../support/sample-image.ts';

const AMD64 = parsePlatform('linux/amd64');
const ARM64 = parsePlatform('linux/arm64');
const SHARED = sampleLayer('shared', 300_000);

/** The images that every source under test is filled with: an index and two images that share their lowest layer. */
export const SAMPLES = {
  amd64: sampleImage([SHARED, sampleLayer('amd64')]),
  arm64: sampleImage([SHARED, sampleLayer('arm64')], { platform: ARM64 }),
};
export const SAMPLE_INDEX = sampleIndex([
  { document: SAMPLES.amd64, platform: AMD64 },
  { document: SAMPLES.arm64, platform: ARM64 },
]);

export interface FilledSource {
  readonly source: ImageSource;
  /** References of SAMPLE_INDEX and of SAMPLES.amd64, by tag. */
  readonly index: string;
  readonly image: string;
  /** Reference with a tag that its repository does not have. */
  readonly absent: string;
  close(): Promise<void>;
}

/** Tests the contract of ImageSource. */
export function describeImageSource(name: string, fill: () => Promise<FilledSource>): void {
  describe(`${name} as an image source`, () => {
    let filled: FilledSource;
    beforeAll(async () => {
      filled = await fill();
    });
    afterAll(async () => {
      await filled.source.close();
      await filled.close();
    });

    async function read(descriptor: Descriptor, offset?: number): Promise<Buffer> {
      return bytesOf(await filled.source.openBlob(filled.image, descriptor, offset === undefined ? {} : { offset }));
    }

    it('resolves an index to the manifest of the one platform asked for', async () => {
      const resolved = await filled.source.resolve(filled.index, { platforms: [AMD64] });
      const { descriptor, config, layers } = SAMPLES.amd64;
      expect(resolved).toEqual({
        root: descriptor,
        documents: [descriptor],
        manifests: [{ platform: AMD64, manifest: descriptor, config, layers }],
      } satisfies ResolvedImage);
    });

    it('keeps the index when more than one platform is asked for, in the order asked', async () => {
      const resolved = await filled.source.resolve(filled.index, { platforms: [ARM64, AMD64] });
      expect(resolved.root).toEqual(SAMPLE_INDEX.descriptor);
      expect(resolved.documents).toEqual([SAMPLE_INDEX.descriptor, SAMPLES.arm64.descriptor, SAMPLES.amd64.descriptor]);
      expect(resolved.manifests.map(({ platform, manifest }) => [platform, manifest.digest])).toEqual([
        [ARM64, SAMPLES.arm64.descriptor.digest],
        [AMD64, SAMPLES.amd64.descriptor.digest],
      ]);
    });

    it('resolves an image that is not in an index by the platform of its configuration', async () => {
      expect((await filled.source.resolve(filled.image, { platforms: [AMD64] })).root).toEqual(SAMPLES.amd64.descriptor);
      await expect(filled.source.resolve(filled.image, { platforms: [AMD64, ARM64] })).rejects.toMatchObject({
        code: 'IMAGE_PLATFORM_MISSING',
        message: expect.stringContaining('for "linux/arm64": it exists for linux/amd64'),
        hint: expect.stringContaining('platforms=linux/amd64'),
      });
    });

    it('reads every document and blob byte for byte', async () => {
      const { documents, manifests } = await filled.source.resolve(filled.index, { platforms: [AMD64] });
      for (const descriptor of [...documents, ...manifests.flatMap(({ config, layers }) => [config, ...layers])]) {
        expect(digestOf(await read(descriptor))).toBe(descriptor.digest);
      }
      expect(digestOf(await filled.source.readManifest(filled.index, SAMPLE_INDEX.descriptor.digest))).toBe(SAMPLE_INDEX.descriptor.digest);
    });

    it('reads from an offset on', async () => {
      const [layer] = SAMPLES.amd64.layers;
      if (layer === undefined) throw new Error('The sample has no layer');
      expect(digestOf(await read(layer, 100_001))).toBe(digestOf(SHARED.compressed.subarray(100_001)));
      expect(digestOf(await read(SAMPLES.amd64.descriptor, 7))).toBe(digestOf(SAMPLES.amd64.bytes.subarray(7)));
    });

    it('refuses an image that is not there', async () => {
      await expect(filled.source.resolve(filled.absent, { platforms: [AMD64] })).rejects.toMatchObject({
        code: 'IMAGE_NOT_FOUND',
        exitStatus: 5,
      });
    });

    it('ends with the reason of the signal', async () => {
      const signal = AbortSignal.abort(new Error('stopped'));
      await expect(filled.source.resolve(filled.absent, { platforms: [AMD64], signal })).rejects.toThrow('stopped');
    });
  });
}

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
