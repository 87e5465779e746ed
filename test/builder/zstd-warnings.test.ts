import { afterEach, describe, expect, it } from 'vitest';
import { buildBundle } from '../../src/builder/build-bundle.ts';
import { zstdWarnings } from '../../src/builder/zstd-warnings.ts';
import type { BundleLock, LockedImage } from '../../src/builder/lock.ts';
import { OCI_LAYER_ZSTD } from '../../src/oci/index.ts';
import { fakeImage, lockedImage, lockedPackage, sampleLock, type FakeImage } from './fixtures.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

function withZstd(image: FakeImage): FakeImage {
  const manifests = image.resolved.manifests.map((manifest) => ({
    ...manifest,
    layers: manifest.layers.map((layer) => ({ ...layer, mediaType: OCI_LAYER_ZSTD })),
  }));
  return { ...image, resolved: { ...image.resolved, manifests } };
}

const ZSTD = lockedImage('example.com/new:1', 'example.com/new:1', withZstd(fakeImage(['new'])));
const GZIP = lockedImage('example.com/old:1', 'example.com/old:1', fakeImage(['old']));

function lockWith(images: readonly LockedImage[], name: string, version: string): BundleLock {
  const lock = sampleLock({ images });
  const engine = { ...lockedPackage(name, 'the engine'), version };
  return { ...lock, operatingSystems: lock.operatingSystems.map((system) => ({ ...system, packages: [engine] })) };
}

describe('zstdWarnings', () => {
  it.each([
    ['docker.io', '20.10.24+dfsg1-1+deb12u1'],
    ['docker-ce', '5:20.10.24~3-0~debian-bookworm'],
  ])('names the images that %s %s cannot use, and the engine', (name, version) => {
    expect(zstdWarnings(lockWith([ZSTD, GZIP], name, version))).toEqual([
      expect.stringMatching(/^docker.* of debian-12 for amd64 cannot use layers compressed with zstd.*: "example\.com\/new:1"\. Build/),
    ]);
  });

  it('says nothing for newer engines, other packages and other layers', () => {
    expect(zstdWarnings(lockWith([ZSTD], 'docker.io', '26.1.5+dfsg1-9'))).toEqual([]);
    expect(zstdWarnings(lockWith([ZSTD], 'docker-ce', '5:23.0.0-1'))).toEqual([]);
    expect(zstdWarnings(lockWith([ZSTD], 'docker-compose', '1.29'))).toEqual([]);
    expect(zstdWarnings(lockWith([GZIP], 'docker.io', '20.10.24'))).toEqual([]);
  });
});

describe('a build', () => {
  let workshop: Workshop | undefined;
  afterEach(() => workshop?.remove());

  it('warns, and keeps the layers as they are', async () => {
    // Version 1.0 of the package: older than 23.
    workshop = await openWorkshop({
      images: { 'example.com/new:1': withZstd(fakeImage(['new'])) },
      packages: { 'docker.io': 'an engine' },
    });
    const { plan } = await buildBundle(workshop.request(), workshop.upstream);
    expect(workshop.events).toContainEqual({ type: 'warning', message: expect.stringContaining('"example.com/new:1"') });
    expect(plan.manifest.images[0]?.platforms[0]?.layers).toMatchObject([{ mediaType: OCI_LAYER_ZSTD }]);
  });
});
