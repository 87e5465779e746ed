import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Header } from 'tar';
import { digestOf, hexOf } from '../../src/core/index.ts';
import { TAR_END } from '../../src/io/index.ts';
import { OCI_INDEX } from '../../src/oci/index.ts';
import type { SampleDocument, SampleLayer } from './sample-image.ts';

/** A member of a tar archive as other tools write it; `link` makes it a symbolic link. */
export interface ArchiveMember {
  readonly path: string;
  readonly content?: Buffer | string;
  readonly link?: string;
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'FIFO' | 'CharacterDevice';
  /** Size in the header, when it differs from the real size. */
  readonly size?: number;
}

/** A tar archive with the members in the given order. `end: false` leaves out the end-of-archive mark. */
export function tarOf(members: readonly ArchiveMember[], { end = true } = {}): Buffer {
  const blocks = members.flatMap(({ path, content = '', link, type = link === undefined ? 'File' : 'SymbolicLink', size }) => {
    const bytes = Buffer.from(content);
    const header = Buffer.alloc(512);
    new Header({ path, mode: 0o644, size: size ?? bytes.byteLength, type, ...(link === undefined ? {} : { linkpath: link }) }).encode(
      header,
    );
    return [header, bytes, Buffer.alloc((512 - (bytes.byteLength % 512)) % 512)];
  });
  return Buffer.concat([...blocks, ...(end ? [Buffer.alloc(TAR_END)] : [])]);
}

export interface NamedDocument {
  readonly name?: string;
  readonly document: SampleDocument;
}

/** The files of an OCI image layout with the documents under their names. */
export function layoutMembers(documents: readonly NamedDocument[]): ArchiveMember[] {
  const manifests = documents.map(({ name, document }) => ({
    ...document.descriptor,
    ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
  }));
  const blobs = new Map(documents.flatMap(({ document }) => [...document.blobs, [document.descriptor.digest, document.bytes] as const]));
  return [
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }) },
    ...[...blobs].map(([digest, content]) => ({ path: `blobs/sha256/${hexOf(digest)}`, content })),
  ];
}

export interface DockerSample {
  readonly names: readonly string[] | null;
  readonly layers: readonly SampleLayer[];
  readonly architecture?: string;
}

/**
 * Files of `docker save` as Docker 20.10 writes them: a directory for each layer; a layer that occurs again is a link
 * to its first copy.
 */
export function dockerMembers(images: readonly DockerSample[], { compressed = false } = {}): ArchiveMember[] {
  const members: ArchiveMember[] = [];
  const placeOf = new Map<string, string>();
  const list = images.map(({ names, layers, architecture = 'amd64' }, image) => {
    const config = JSON.stringify({
      os: 'linux',
      architecture,
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => digestOf(tar)) },
    });
    const configPath = `${hexOf(digestOf(config))}.json`;
    members.push({ path: configPath, content: config });
    const paths = layers.map(({ tar, compressed: packed }, index) => {
      const path = `${image}-${index}/layer.tar`;
      const before = placeOf.get(digestOf(tar));
      members.push({ path: `${image}-${index}/`, type: 'Directory' });
      members.push(before === undefined ? { path, content: compressed ? packed : tar } : { path, link: `../${before}` });
      placeOf.set(digestOf(tar), path);
      return path;
    });
    return { Config: configPath, RepoTags: names, Layers: paths };
  });
  return [...members, { path: 'manifest.json', content: JSON.stringify(list) }];
}

/** Writes members as files of a directory. */
export async function writeMembers(directory: string, members: readonly ArchiveMember[]): Promise<void> {
  for (const { path, content = '' } of members) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}
