import { Readable } from 'node:stream';
import { CaissonError, digestOf, formatPlatform, parsePlatform, type Digest } from '../../src/core/index.ts';
import type { Descriptor, ImageSource, OpenBlobOptions, ResolvedImage, ResolveOptions } from '../../src/oci/index.ts';
import type { BundleLock, LockedImage } from '../../src/builder/lock.ts';
import type { AptLockedPackage, AptLockedSystem } from '../../src/ospkg/apt/documents.ts';

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

export interface FakeImage {
  readonly resolved: ResolvedImage;
  readonly blobs: ReadonlyMap<Digest, Buffer>;
}

/** An image for one or more platforms, whose layers are the given bytes (no real archives). */
export function fakeImage(layers: readonly string[], platforms: readonly string[] = ['linux/amd64']): FakeImage {
  const blobs = new Map<Digest, Buffer>();
  const add = (mediaType: string, content: string): Descriptor => {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const layerDescriptors = layers.map((layer) => add(OCI_LAYER, layer));
  const manifests = platforms.map((platform) => {
    const { os, architecture } = parsePlatform(platform);
    const config = add(
      OCI_CONFIG,
      JSON.stringify({ os, architecture, rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) } }),
    );
    const manifest = add(OCI_MANIFEST, JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: layerDescriptors }));
    return { platform: parsePlatform(platform), manifest, config, layers: layerDescriptors };
  });
  const documents = manifests.map(({ manifest }) => manifest);
  const [first] = documents;
  if (first === undefined) throw new Error('an image needs a platform');
  if (documents.length === 1) return { resolved: { root: first, documents, manifests }, blobs };
  const index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: manifests.map(({ manifest, platform }) => ({ ...manifest, platform })),
  };
  const root = add(OCI_INDEX, JSON.stringify(index));
  return { resolved: { root, documents: [root, ...documents], manifests }, blobs };
}

/** A registry in memory that counts what it is asked. */
export class FakeSource implements ImageSource {
  readonly images: Map<string, FakeImage>;
  readonly resolvedReferences: string[] = [];
  readonly opened: Digest[] = [];
  /** Runs before a blob is opened; may wait or throw. */
  beforeOpen: (reference: string, descriptor: Descriptor) => Promise<void> = () => Promise.resolve();

  constructor(images: Readonly<Record<string, FakeImage>>) {
    this.images = new Map(Object.entries(images));
  }

  describe(reference: string): string {
    return `memory://${reference}`;
  }

  resolve(reference: string, { platforms }: ResolveOptions): Promise<ResolvedImage> {
    this.resolvedReferences.push(reference);
    const image = this.images.get(reference);
    if (image === undefined)
      return Promise.reject(new CaissonError('IMAGE_NOT_FOUND', `Cannot find image "${reference}": memory has no such image`));
    const has = new Set(image.resolved.manifests.map(({ platform }) => formatPlatform(platform)));
    const missing = platforms.map(formatPlatform).filter((platform) => !has.has(platform));
    if (missing.length > 0) {
      return Promise.reject(
        new CaissonError('IMAGE_PLATFORM_MISSING', `Cannot use image "${reference}": it does not exist for ${missing.join(', ')}`),
      );
    }
    return Promise.resolve(image.resolved);
  }

  async openBlob(reference: string, descriptor: Descriptor, { offset = 0 }: OpenBlobOptions = {}): Promise<Readable> {
    this.opened.push(descriptor.digest);
    await this.beforeOpen(reference, descriptor);
    const bytes = this.images.get(reference)?.blobs.get(descriptor.digest);
    if (bytes === undefined)
      throw new CaissonError('FETCH_FAILED', `Cannot fetch ${descriptor.digest} of "${reference}": memory does not have it`);
    return Readable.from([bytes.subarray(offset)], { objectMode: false });
  }

  readManifest(): Promise<Buffer> {
    return Promise.reject(new Error('a build does not read manifests'));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export function lockedImage(source: string, name: string, { resolved }: FakeImage): LockedImage {
  const manifests = resolved.manifests.map((manifest) => ({ ...manifest, platform: formatPlatform(manifest.platform) }));
  return {
    source,
    name,
    origin: `${name}@${resolved.root.digest}`,
    platforms: manifests.map(({ platform }) => platform),
    root: resolved.root,
    documents: resolved.documents,
    manifests,
  };
}

export function lockedPackage(name: string, content: string, architecture = 'amd64', version = '1.0'): AptLockedPackage {
  const filename = `pool/main/${name.slice(0, 1)}/${name}/${name}_${version}_${architecture}.deb`;
  const digest = digestOf(content);
  const stanza = [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Filename: ${filename}`,
    `Size: ${content.length}`,
    `SHA256: ${digest.slice(7)}`,
  ].join('\n');
  return {
    name,
    version,
    architecture,
    source: { name, version },
    repository: 'http://packages.example/debian',
    filename,
    size: content.length,
    digest,
    sets: ['tools'],
    stanza,
  };
}

/** A lock whose operating systems have Debian packages. */
export interface SampleLock extends BundleLock {
  readonly operatingSystems: readonly AptLockedSystem[];
}

/** A lock with two images that share a layer and an operating system with one package. */
export function sampleLock(changes: Partial<SampleLock> = {}): SampleLock {
  return {
    apiVersion: 'caisson.lock/v1',
    kind: 'BundleLock',
    date: '2026-01-02T03:04:05Z',
    platforms: ['linux/amd64'],
    images: [
      lockedImage('example.com/web:1', 'example.com/web:1', fakeImage(['base', 'web'])),
      lockedImage('example.com/api:1', 'example.com/api:1', fakeImage(['base', 'api'])),
    ],
    operatingSystems: [
      {
        id: 'debian-12',
        architecture: 'amd64',
        codename: 'bookworm',
        inputs: digestOf('inputs'),
        releases: [
          {
            url: 'http://packages.example/debian',
            suite: 'bookworm',
            codename: 'bookworm',
            date: '2026-01-02T03:04:05Z',
            digest: digestOf('r'),
          },
        ],
        packages: [lockedPackage('hello', 'the hello package')],
      },
    ],
    executables: [{ platform: 'linux/amd64', digest: digestOf('executable'), size: 10 }],
    files: [{ path: 'images.txt', digest: digestOf('list'), size: 4 }],
    ...changes,
  };
}
