import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import {
  BundleWriter,
  blobPath,
  planBundle,
  type BundleImage,
  type BundleInput,
  type BundlePlan,
  type PlannedFile,
} from '../../src/bundle/index.ts';
import { digestOf, type Digest } from '../../src/core/index.ts';
import { layoutTar, tarHeader } from '../../src/io/index.ts';
import type { Descriptor } from '../../src/oci/index.ts';

export const SMALL_BUNDLE_DATE = new Date('2026-03-04T05:06:07Z');

const OCI = 'application/vnd.oci.image';
const DOCKER = 'application/vnd.docker';

/** Input of planBundle, and the bytes of members that it does not compute. */
export interface SmallBundle {
  readonly input: BundleInput;
  readonly contents: ReadonlyMap<string, Buffer>;
}

/**
 * A bundle of a few kilobytes with every kind of member: an OCI image and an image with Docker's media types that share
 * a layer, an index for two platforms, an apt repository with two packages, documents, an executable. Docker can load
 * the images.
 */
export function smallBundle(changes: Partial<BundleInput> = {}): SmallBundle {
  const blobs = new Map<string, Buffer>();
  const shared = layer({ 'etc/shared': 'shared by two\n' });
  const alpha = image(blobs, 'amd64', [shared, layer({ 'bin/alpha': 'alpha\n'.repeat(300) })], OCI);
  const beta = image(blobs, 'amd64', [shared], DOCKER);
  const gamma = ['amd64', 'arm64'].map((architecture) => image(blobs, architecture, [layer({ 'bin/gamma': architecture })], OCI));
  const index = put(
    blobs,
    `${OCI}.index.v1+json`,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${OCI}.index.v1+json`,
      manifests: gamma.map(({ manifest, platform }) => ({ ...manifest, platform: { os: 'linux', architecture: platform.split('/')[1] } })),
    }),
  );
  const images: BundleImage[] = [
    { name: 'registry.example/team/gamma:v3', source: 'gamma:v3', root: index, platforms: gamma },
    { name: 'docker.io/library/alpha:1.0', source: 'alpha:1.0', root: alpha.manifest, platforms: [alpha] },
    { name: 'docker.io/library/beta:latest', source: 'beta', root: beta.manifest, platforms: [beta] },
    { name: 'docker.io/library/alpha:stable', source: 'alpha:stable', root: alpha.manifest, platforms: [alpha] },
  ];
  const packages = ['alpha_1.0_amd64.deb', 'beta_2%3a1~rc1_all.deb'];
  const contents = new Map([...blobs].map(([digest, bytes]) => [blobPath(digest as Digest), bytes])); // keys come from digestOf
  for (const [number, name] of packages.entries()) {
    contents.set(`apt/debian-12/pool/${name}`, Buffer.alloc(700 + 1200 * number, name));
  }
  const files: PlannedFile[] = [...contents].map(([path, bytes]) => ({
    path,
    kind: path.startsWith('blobs/') ? 'blob' : 'package',
    size: bytes.length,
    digest: digestOf(bytes),
    mode: 0o644,
    origin: path.startsWith('blobs/') ? 'registry.example' : 'http://mirror.example/debian',
  }));
  files.push(
    small('bundle.lock.json', '{}\n', 'metadata'),
    small('manifests/platform.yaml', 'kind: Platform\n', 'manifest'),
    small('apt/debian-12/dists/bookworm/Release', 'Codename: bookworm\n', 'repository'),
    small(`documents/${'long-name-'.repeat(15)}.txt`, 'a path that needs a pax header\n', 'document'),
    small(`documents/${'deep/'.repeat(25)}file.txt`, 'a path that splits\n', 'document'),
    small('documents/empty', '', 'document'),
    { ...small('caisson', '#!/bin/sh\necho hello\n', 'executable'), mode: 0o755 },
  );
  const input: BundleInput = {
    name: 'lab',
    version: '1.2.3',
    platforms: ['linux/amd64', 'linux/arm64'],
    date: SMALL_BUNDLE_DATE,
    images,
    repositories: [
      {
        id: 'debian-12',
        type: 'apt',
        path: 'apt/debian-12',
        codename: 'bookworm',
        architectures: ['amd64'],
        components: ['main'],
        packages: packages.map((name) => ({
          name: name.split('_')[0] ?? '',
          version: '1.0',
          architecture: 'amd64',
          path: `apt/debian-12/pool/${name}`,
          set: ['base'],
        })),
      },
    ],
    files,
    ...changes,
  };
  return { input, contents };
}

/** Plans and writes a bundle. */
export async function writeSmallBundle(output: string, bundle: SmallBundle = smallBundle()): Promise<BundlePlan> {
  const plan = planBundle(bundle.input);
  const writer = await BundleWriter.create(plan, output);
  for (const entry of writer.pending()) await writer.fill(entry, Readable.from([bundle.contents.get(entry.path) ?? Buffer.alloc(0)]));
  await writer.finish();
  return plan;
}

export function small(path: string, text: string, kind: PlannedFile['kind']): PlannedFile {
  const content = Buffer.from(text);
  return { path, kind, size: content.length, digest: digestOf(content), mode: 0o644, origin: 'builder', content };
}

interface Layer {
  readonly bytes: Buffer;
  readonly diffId: Digest;
}

function layer(files: Readonly<Record<string, string>>): Layer {
  const contents = Object.entries(files).map(([path, text]) => ({ path, size: Buffer.byteLength(text), mode: 0o644, text }));
  const { members, size } = layoutTar(contents);
  const tar = Buffer.alloc(size);
  for (const member of members) {
    tarHeader(member, SMALL_BUNDLE_DATE).copy(tar, member.headerOffset);
    tar.write(member.text, member.offset);
  }
  return { bytes: gzipSync(tar), diffId: digestOf(tar) };
}

function image(
  blobs: Map<string, Buffer>,
  architecture: string,
  layers: readonly Layer[],
  family: string,
): BundleImage['platforms'][number] {
  const isOci = family === OCI;
  const config = put(
    blobs,
    isOci ? `${OCI}.config.v1+json` : `${DOCKER}.container.image.v1+json`,
    JSON.stringify({
      architecture,
      os: 'linux',
      config: { Cmd: ['/bin/true'] },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map((_, index) => ({ created_by: `layer ${index}` })),
    }),
  );
  const layerType = isOci ? `${OCI}.layer.v1.tar+gzip` : `${DOCKER}.image.rootfs.diff.tar.gzip`;
  const descriptors = layers.map(({ bytes }) => put(blobs, layerType, bytes));
  const mediaType = isOci ? `${OCI}.manifest.v1+json` : `${DOCKER}.distribution.manifest.v2+json`;
  const manifest = put(blobs, mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers: descriptors }));
  return { platform: `linux/${architecture}`, manifest, config, layers: descriptors };
}

function put(blobs: Map<string, Buffer>, mediaType: string, content: string | Buffer): Descriptor {
  const bytes = Buffer.from(content);
  const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  blobs.set(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}
