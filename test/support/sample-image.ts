import { createCipheriv, createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { digestOf, type Digest, type Platform } from '../../src/core/index.ts';
import {
  DOCKER_CONFIG,
  DOCKER_INDEX,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
  type Descriptor,
} from '../../src/oci/index.ts';

/** A manifest or index with all blobs that it refers to, by digest, including itself. */
export interface SampleDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly blobs: ReadonlyMap<Digest, Buffer>;
  /** Digests of the documents below, itself included. */
  readonly documents: ReadonlyMap<Digest, string>;
}

export interface SampleImage extends SampleDocument {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface SampleLayer {
  readonly tar: Buffer;
  readonly compressed: Buffer;
}

export type Flavour = 'oci' | 'docker';

/** Pseudo-random bytes, the same for the same seed. */
export function randomBytesOf(seed: string, size: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** A layer with one file of random bytes. */
export function sampleLayer(seed: string, size = 2000): SampleLayer {
  const header = new Header({ path: `${seed}.bin`, mode: 0o644, uid: 0, gid: 0, size, mtime: new Date(0), type: 'File' });
  const block = Buffer.alloc(512);
  header.encode(block, 0);
  const padding = Buffer.alloc((512 - (size % 512)) % 512);
  const tar = Buffer.concat([block, randomBytesOf(seed, size), padding, Buffer.alloc(1024)]);
  return { tar, compressed: gzipSync(tar, { level: 1 }) };
}

/** An image that docker, skopeo and containerd accept. */
export function sampleImage(
  layers: readonly SampleLayer[],
  { platform = { os: 'linux', architecture: 'amd64' }, flavour = 'oci' }: { platform?: Platform; flavour?: Flavour } = {},
): SampleImage {
  const config = Buffer.from(
    JSON.stringify({
      ...platform,
      created: '1970-01-01T00:00:00Z',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => digestOf(tar)) },
      history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'test' })),
    }),
  );
  const configDescriptor = descriptorOf(config, flavour === 'oci' ? OCI_CONFIG : DOCKER_CONFIG);
  const layerType = flavour === 'oci' ? OCI_LAYER_GZIP : DOCKER_LAYER_GZIP;
  const layerDescriptors = layers.map(({ compressed }) => descriptorOf(compressed, layerType));
  const mediaType = flavour === 'oci' ? OCI_MANIFEST : DOCKER_MANIFEST;
  const bytes = jsonOf({ schemaVersion: 2, mediaType, config: configDescriptor, layers: layerDescriptors });
  const descriptor = descriptorOf(bytes, mediaType);
  const blobs = new Map([[digestOf(config), config], ...layers.map(({ compressed }) => [digestOf(compressed), compressed] as const)]);
  return {
    descriptor,
    bytes,
    blobs,
    documents: new Map([[descriptor.digest, mediaType]]),
    config: configDescriptor,
    layers: layerDescriptors,
  };
}

/** An index over images (or indexes); each entry may carry a platform and annotations. */
export function sampleIndex(
  entries: readonly { document: SampleDocument; platform?: Platform; annotations?: Record<string, string> }[],
  flavour: Flavour = 'oci',
): SampleDocument {
  const mediaType = flavour === 'oci' ? OCI_INDEX : DOCKER_INDEX;
  const manifests = entries.map(({ document, ...rest }) => ({ ...document.descriptor, ...rest }));
  const bytes = jsonOf({ schemaVersion: 2, mediaType, manifests });
  const descriptor = descriptorOf(bytes, mediaType);
  const below = entries.map(({ document }) => document);
  return {
    descriptor,
    bytes,
    blobs: new Map(below.flatMap((document) => [...document.blobs, [document.descriptor.digest, document.bytes] as const])),
    documents: new Map([[descriptor.digest, mediaType], ...below.flatMap(({ documents }) => [...documents])]),
  };
}

/** A document from any bytes, for contents that no tool would write. */
export function rawDocument(bytes: Buffer, mediaType: string): SampleDocument {
  const descriptor = descriptorOf(bytes, mediaType);
  return { descriptor, bytes, blobs: new Map(), documents: new Map([[descriptor.digest, mediaType]]) };
}

/** Indented, so that a copy which is serialized again has another digest. */
function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, undefined, 3));
}

function descriptorOf(bytes: Buffer, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}
