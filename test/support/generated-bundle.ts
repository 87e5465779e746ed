import { createCipheriv, createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BundleWriter, blobPath, planBundle, type BundlePlan, type PlannedFile } from '../../src/bundle/index.ts';
import { digestOf, type Digest } from '../../src/core/index.ts';
import { tarHeader } from '../../src/io/index.ts';
import type { Descriptor } from '../../src/oci/index.ts';

export interface GeneratedBundleOptions {
  readonly output: string;
  /** Number of blobs. */
  readonly blobs: number;
  /** Size of a blob in bytes. In sparse mode, blob n is 512 bytes larger than blob n-1. */
  readonly blobSize: number;
  /**
   * Leaves holes instead of writing the blobs, which are zeros then. Makes a bundle of any size without time and disk
   * space.
   */
  readonly sparse?: boolean;
}

const CHUNK = 1024 * 1024;
const OCI = 'application/vnd.oci.image';

/** Name of the one image, whose layers are the blobs. */
export const GENERATED_IMAGE = 'registry.example/generated:v1';

/** Pseudo-random bytes that do not compress, at the speed of AES. The same number gives the same bytes. */
export function generatedBytes(number: number, size: number): Readable {
  return Readable.from(keystream(number, size), { objectMode: false, highWaterMark: CHUNK });
}

function* keystream(number: number, size: number): Generator<Buffer> {
  const key = createHash('sha256').update(`blob ${number}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(CHUNK);
  for (let left = size; left > 0; left -= CHUNK) yield cipher.update(left < CHUNK ? zeros.subarray(0, left) : zeros);
}

/** Writes a bundle of generated blobs. It passes verification, and a registry can serve its one image. */
export async function writeGeneratedBundle(options: GeneratedBundleOptions): Promise<BundlePlan> {
  const plan = planGeneratedBundle(options);
  if (options.sparse === true) {
    await writeSparse(plan, options.output);
    return plan;
  }
  const writer = await BundleWriter.create(plan, options.output);
  for (const entry of writer.pending()) await writer.fill(entry, generatedBytes(Number(entry.origin.split(' ')[1]), entry.size));
  await writer.finish();
  return plan;
}

export function planGeneratedBundle(options: GeneratedBundleOptions): BundlePlan {
  const layers = options.sparse === true ? zeroLayers(options) : randomLayers(options);
  const files: PlannedFile[] = layers.map((layer, number) => file(layer, `generated ${number}`));
  const put = (mediaType: string, document: object): Descriptor => {
    const content = Buffer.from(JSON.stringify(document));
    const descriptor = { mediaType, digest: digestOf(content), size: content.length };
    files.push({ ...file(descriptor, 'builder'), content });
    return descriptor;
  };
  const config = put(`${OCI}.config.v1+json`, {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers });
  return planBundle({
    name: 'generated',
    version: '1',
    platforms: ['linux/amd64'],
    date: new Date(0),
    images: [
      {
        name: GENERATED_IMAGE,
        source: GENERATED_IMAGE,
        root: manifest,
        platforms: [{ platform: 'linux/amd64', manifest, config, layers }],
      },
    ],
    repositories: [],
    files,
  });
}

function file({ digest, size }: Descriptor, origin: string): PlannedFile {
  return { path: blobPath(digest), kind: 'blob', size, digest, mode: 0o644, origin };
}

function layer(digest: Digest, size: number): Descriptor {
  return { mediaType: `${OCI}.layer.v1.tar`, digest, size };
}

function randomLayers({ blobs, blobSize }: GeneratedBundleOptions): Descriptor[] {
  return Array.from({ length: blobs }, (_, number) => {
    const hash = createHash('sha256');
    for (const chunk of keystream(number, blobSize)) hash.update(chunk);
    return layer(`sha256:${hash.digest('hex')}`, blobSize);
  });
}

/** Digests of runs of zeros of increasing length, computed in one pass. */
function zeroLayers({ blobs, blobSize }: GeneratedBundleOptions): Descriptor[] {
  const hash = createHash('sha256');
  const zeros = Buffer.alloc(CHUNK);
  for (let left = blobSize; left > 0; left -= CHUNK) hash.update(left < CHUNK ? zeros.subarray(0, left) : zeros);
  return Array.from({ length: blobs }, (_, number) => {
    if (number > 0) hash.update(zeros.subarray(0, 512));
    return layer(`sha256:${hash.copy().digest('hex')}`, blobSize + 512 * number);
  });
}

async function writeSparse(plan: BundlePlan, output: string): Promise<void> {
  const target = await open(output, 'wx');
  try {
    await target.truncate(plan.size);
    for (const member of plan.members) {
      await target.write(tarHeader(member, new Date(plan.manifest.date)), 0, undefined, member.headerOffset);
      if (member.content !== undefined && member.size > 0) await target.write(member.content, 0, undefined, member.offset);
    }
  } finally {
    await target.close();
  }
}
