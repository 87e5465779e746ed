import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, link, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** A compressed layer on disk. */
export interface Layer {
  readonly file: string;
  readonly digest: string;
  readonly size: number;
  /** Digest of the uncompressed tar, which an image's config lists. */
  readonly diffId: string;
}

export interface ImageSettings {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly User?: string;
  readonly Env: readonly string[];
  readonly ExposedPorts: Readonly<Record<string, Record<string, never>>>;
  readonly Volumes: Readonly<Record<string, Record<string, never>>>;
}

/** Writes a directory as a gzip layer at `file`: sorted names, owner root, one time, so the same files give the same digest. */
export async function writeLayer(directory: string, file: string): Promise<Layer> {
  const flags = [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=gnu',
    '--create',
    '--directory',
    directory,
    '.',
  ];
  const tar = spawn('tar', flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number>((resolve, reject) => {
    tar.on('error', reject);
    tar.on('close', (code) => resolve(code ?? -1));
  });
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  let size = 0;
  const beforeGzip = new PassThrough();
  beforeGzip.on('data', (chunk: Buffer) => plain.update(chunk));
  const afterGzip = new PassThrough();
  afterGzip.on('data', (chunk: Buffer) => {
    packed.update(chunk);
    size += chunk.length;
  });
  const unfinished = `${file}.unfinished`;
  await pipeline(tar.stdout, beforeGzip, createGzip({ level: 4 }), afterGzip, createWriteStream(unfinished));
  if ((await ended) !== 0) throw new Error(`tar cannot read "${directory}"`);
  await rename(unfinished, file);
  return { file, digest: `sha256:${packed.digest('hex')}`, size, diffId: `sha256:${plain.digest('hex')}` };
}

async function writeBlob(layout: string, content: unknown): Promise<{ digest: string; size: number }> {
  const bytes = Buffer.from(JSON.stringify(content));
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(layout, 'blobs/sha256', hex), bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}

/** Lays an image out as an OCI image layout (image-spec, image-layout.md) and returns the digest of its manifest. */
export async function writeLayout(layout: string, reference: string, layers: readonly Layer[], settings: ImageSettings): Promise<string> {
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  for (const layer of layers) {
    const blob = join(layout, 'blobs/sha256', layer.digest.slice('sha256:'.length));
    await link(layer.file, blob).catch(() => copyFile(layer.file, blob));
  }
  const created = new Date(0).toISOString();
  const config = await writeBlob(layout, {
    created,
    architecture: 'amd64',
    os: 'linux',
    config: settings,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created, created_by: 'lab' })),
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await writeBlob(layout, {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: layers.map(({ digest, size }) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size })),
  });
  const annotations = { 'org.opencontainers.image.ref.name': reference };
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, ...manifest, annotations }] }));
  return manifest.digest;
}
