import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { blobPath, type BundleImage, type BundlePlan, type PlannedFile } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { sampleImage, sampleIndex, sampleLayer, type Flavour, type SampleDocument, type SampleImage } from './sample-image.ts';
import { smallBundle, writeSmallBundle, type SmallBundle } from './small-bundle.ts';

export const NAMES = {
  /** An OCI image, which the bundle has under two names. */
  oci: 'docker.io/library/alpha:1.0',
  ociAgain: 'docker.io/library/alpha:stable',
  /** An image with Docker's media types. */
  docker: 'docker.io/library/beta:latest',
  /** An OCI index of amd64 and arm64, both in the bundle. */
  index: 'registry.example/team/gamma:v3',
  /** A manifest list with Docker's media types of amd64 and arm64, both in the bundle. */
  dockerIndex: 'registry.example/team/delta:v4',
  /** An OCI index of amd64 and arm64, of which the bundle holds amd64 alone. */
  sparse: 'registry.example/team/epsilon:v5',
} as const;

/** The small bundle with images in all other forms that a registry can hold. */
export function readersBundle(): SmallBundle {
  const { input, contents } = smallBundle();
  const all = new Map(contents);
  const files: PlannedFile[] = [...input.files];
  const add = (bytes: Buffer): void => {
    const digest = digestOf(bytes);
    all.set(blobPath(digest), bytes);
    if (files.some(({ path }) => path === blobPath(digest))) return;
    files.push({ path: blobPath(digest), kind: 'blob', size: bytes.length, digest, mode: 0o644, origin: 'registry.example' });
  };
  const multi = (name: string, flavour: Flavour, kept: readonly string[]): BundleImage => {
    const children = ['amd64', 'arm64'].map((architecture) => ({
      architecture,
      document: sampleImage([sampleLayer(`${name} ${architecture}`.replaceAll(/\W/g, '-'))], {
        platform: { os: 'linux', architecture },
        flavour,
      }),
    }));
    const index = sampleIndex(
      children.map(({ architecture, document }) => ({ document, platform: { os: 'linux', architecture } })),
      flavour,
    );
    add(index.bytes);
    const platforms = children
      .filter(({ architecture }) => kept.includes(architecture))
      .map(({ architecture, document }) => platformOf(architecture, document, add));
    return { name, source: name, root: index.descriptor, platforms };
  };
  const images = [...input.images, multi(NAMES.dockerIndex, 'docker', ['amd64', 'arm64']), multi(NAMES.sparse, 'oci', ['amd64'])];
  return { input: { ...input, images, files }, contents: all };
}

function platformOf(architecture: string, document: SampleImage, add: (bytes: Buffer) => void): BundleImage['platforms'][number] {
  for (const bytes of bytesOf(document)) add(bytes);
  return { platform: `linux/${architecture}`, manifest: document.descriptor, config: document.config, layers: document.layers };
}

function bytesOf({ bytes, blobs }: SampleDocument): readonly Buffer[] {
  return [bytes, ...blobs.values()];
}

export interface ReadersBundle {
  readonly directory: string;
  /** Path of the bundle file. */
  readonly path: string;
  readonly plan: BundlePlan;
  image(name: string): BundleImage;
}

/** Writes the bundle once for all tests of a file, in a temporary directory that tools may use, too. */
export function useReadersBundle(): () => ReadersBundle {
  let found: ReadersBundle | undefined;
  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'caisson-reader-'));
    const path = join(directory, 'lab.tar');
    const plan = await writeSmallBundle(path, readersBundle());
    const image = (name: string): BundleImage => {
      const wanted = plan.manifest.images.find((candidate) => candidate.name === name);
      if (wanted === undefined) throw new Error(`the bundle has no image ${name}`);
      return wanted;
    };
    found = { directory, path, plan, image };
  });
  afterAll(() => {
    if (found !== undefined) rmSync(found.directory, { recursive: true, force: true });
  });
  return () => {
    if (found === undefined) throw new Error('The bundle is there only inside a test');
    return found;
  };
}
