import { createHash } from 'node:crypto';
import { digestOf, type Digest } from '../../src/core/index.ts';
import type { Descriptor } from '../../src/oci/index.ts';
import { generatedBytes } from '../../test/support/generated-bundle.ts';

export interface ImageSetOptions {
  /** Bytes of all layers together, each counted once. */
  readonly size: number;
  /** Bytes of a layer. */
  readonly layerSize: number;
  readonly images: number;
  /** Layers that every image has. */
  readonly shared: number;
}

/** Images of bytes that are made when they are asked for: only documents are kept. */
export interface ImageSet {
  /** bench/image-0:v1 … */
  readonly names: readonly string[];
  /** Name without tag → its manifest. */
  readonly manifests: ReadonlyMap<string, Buffer>;
  /** Digest → configuration. */
  readonly configs: ReadonlyMap<string, Buffer>;
  /** Digest → the number of the generated blob. */
  readonly layers: ReadonlyMap<string, number>;
}

export const TAG = 'v1';
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

/** Plans images whose layers are deterministic bytes that do not compress; hashes each layer once. */
export async function planImages({ size, layerSize, images, shared }: ImageSetOptions): Promise<ImageSet> {
  const layers: Descriptor[] = [];
  for (let number = 0; number < Math.round(size / layerSize); number += 1) {
    layers.push({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: await digestOfLayer(number, layerSize),
      size: layerSize,
    });
  }
  const own = layers.slice(shared);
  const manifests = new Map<string, Buffer>();
  const configs = new Map<string, Buffer>();
  for (let image = 0; image < images; image += 1) {
    const parts = [...layers.slice(0, shared), ...own.filter((_, index) => index % images === image)];
    const config = document({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { image: String(image) } },
      rootfs: { type: 'layers', diff_ids: parts.map(({ digest }) => digest) },
    });
    const digest = digestOf(config);
    configs.set(digest, config);
    const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: config.length };
    manifests.set(`bench/image-${image}`, document({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config: descriptor, layers: parts }));
  }
  return {
    names: [...manifests.keys()].map((name) => `${name}:${TAG}`),
    manifests,
    configs,
    layers: new Map(layers.map(({ digest }, number) => [digest, number])),
  };
}

function document(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

async function digestOfLayer(number: number, size: number): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of generatedBytes(number, size)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}
