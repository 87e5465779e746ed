import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blobPath, bundleCatalog, openBundle, type PlannedFile } from '../../../src/bundle/index.ts';
import { digestOf } from '../../../src/core/index.ts';
import { codeOf, HOSTILE_BYTES } from '../../support/hostile-texts.ts';
import { small, smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();

/** The tags and digests under which an image is found whose index is these bytes. */
async function foundWith(index: Buffer): Promise<readonly string[]> {
  const bundle = smallBundle();
  const digest = digestOf(index);
  const blob: PlannedFile = {
    ...small('x', '', 'blob'),
    path: blobPath(digest),
    size: index.length,
    digest,
    content: index,
  };
  const gamma = bundle.input.images.find(({ name }) => name.includes('gamma'));
  if (gamma === undefined) throw new Error('the small bundle has no gamma');
  const image = { ...gamma, root: { mediaType: gamma.root.mediaType, digest, size: index.length } };
  const others = bundle.input.files.filter(({ path }) => path !== blob.path);
  const path = join(directory(), 'hostile.tar');
  await writeSmallBundle(path, { ...bundle, input: { ...bundle.input, images: [image], files: [...others, blob] } });
  const reader = await openBundle(path);
  try {
    const catalog = await bundleCatalog(reader);
    expect(catalog.repositories()).toEqual(['registry.example/team/gamma']);
    for (const { manifest } of image.platforms) expect(catalog.find('registry.example/team/gamma', manifest.digest)).toEqual(manifest);
    return catalog.tags('registry.example/team/gamma') ?? [];
  } finally {
    await reader.close();
  }
}

describe('bundleCatalog', () => {
  it.each(HOSTILE_BYTES)('still finds the platforms of an image whose index is %s', async (_, bytes) => {
    expect(await codeOf(async () => expect(await foundWith(bytes)).toEqual(['v3']))).toBeUndefined();
  });

  it.each([
    '{"manifests":[{"mediaType":"x","digest":"sha256:../../etc","size":1}]}',
    '{"manifests":[{"mediaType":"x","digest":"v9","size":1}]}',
    '{"manifests":[{"mediaType":"x","digest":"__proto__","size":1}]}',
    `{"manifests":[{"mediaType":"x","digest":"sha256:${'a'.repeat(64)}","size":-1}]}`,
    `{"manifests":[{"mediaType":"x","digest":"sha256:${'a'.repeat(64)}","size":1e999}]}`,
    `{"manifests":[{"mediaType":"x","digest":"sha256:${'a'.repeat(64)}","size":1}]}`,
    '{"manifests":{}}',
  ])('finds nothing that the bundle does not hold by the index %s', async (text) => {
    expect(await foundWith(Buffer.from(text))).toEqual(['v3']);
  });

  it('refuses an index larger than any', async () => {
    expect(await codeOf(() => foundWith(Buffer.alloc(5 * 1024 * 1024, ' ')))).toBe('LIMIT_EXCEEDED');
  });
});
