import { sortedBy } from '../../core/index.ts';
import type { ArtifactManifest, AttachedManifest, Descriptor } from '../../oci/index.ts';
import { packageFormat } from '../../ospkg/index.ts';
import {
  SINCE_VERSION_2,
  type BaseEntry,
  type BundleApiVersion,
  type BundleBase,
  type BundleEntry,
  type BundleImage,
  type BundleManifest,
} from './manifest.ts';
import { compareText } from './member-path.ts';

/** bundle.json is padded to a multiple of this size in bytes, so that most small changes of it do not move the members behind it. */
export const BUNDLE_JSON_STEP = 4096;

/** The bytes of bundle.json without padding: keys in the order below, names sorted, one space of indent. */
export function serialiseManifest(manifest: BundleManifest): string {
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

/** Spaces up to `size`, which the document must not exceed. */
export function padManifest(text: string, size: number): Buffer {
  const bytes = Buffer.alloc(size, ' ');
  bytes.write(text, 'utf8');
  return bytes;
}

/** The same facts with fixed key order and sorted lists, so that equal content has equal bytes. */
export function canonicalManifest(manifest: Omit<BundleManifest, 'apiVersion' | 'kind'>): BundleManifest {
  return {
    apiVersion: versionOf(manifest),
    kind: 'Bundle',
    name: manifest.name,
    version: manifest.version,
    platforms: [...manifest.platforms],
    date: manifest.date,
    images: manifest.images.map(canonicalImage).sort((left, right) => compareText(left.name, right.name)),
    repositories: sortedBy(
      manifest.repositories.map((repository) => packageFormat(repository.type).repositoryInOrder(repository)),
      ({ id }) => id,
    ),
    bases: manifest.bases.map(canonicalBase).sort(compareBases),
    entries: manifest.entries.map(canonicalEntry),
    baseEntries: manifest.baseEntries.map(canonicalBaseEntry),
  };
}

function versionOf({ images, entries, baseEntries }: Pick<BundleManifest, 'images' | 'entries' | 'baseEntries'>): BundleApiVersion {
  return images.some(({ artifacts }) => artifacts !== undefined) ||
    [entries, baseEntries].some((members) => members.some(({ kind }) => SINCE_VERSION_2.has(kind)))
    ? 'caisson.bundle/v2'
    : 'caisson.bundle/v1';
}

function canonicalImage(image: BundleImage): BundleImage {
  return {
    name: image.name,
    source: image.source,
    root: canonicalDescriptor(image.root),
    platforms: image.platforms.map(({ platform, manifest, config, layers }) => ({
      platform,
      manifest: canonicalDescriptor(manifest),
      config: canonicalDescriptor(config),
      layers: layers.map(canonicalDescriptor),
    })),
    ...(image.artifacts === undefined ? {} : { artifacts: image.artifacts.map(canonicalArtifact) }),
    ...(image.attached === undefined
      ? {}
      : {
          attached: image.attached.map(canonicalAttached).sort((left, right) => compareText(left.manifest.digest, right.manifest.digest)),
        }),
  };
}

function canonicalArtifact({ manifest, artifactType, blobs }: ArtifactManifest): ArtifactManifest {
  return { manifest: canonicalDescriptor(manifest), artifactType, blobs: blobs.map(canonicalDescriptor) };
}

function canonicalAttached({ manifest, subject, artifactType, annotations, tags, blobs }: AttachedManifest): AttachedManifest {
  return {
    manifest: canonicalDescriptor(manifest),
    ...(subject === undefined ? {} : { subject }),
    artifactType,
    ...(annotations === undefined ? {} : { annotations: canonicalAnnotations(annotations) }),
    tags: [...tags].sort(compareText),
    blobs: blobs.map(canonicalDescriptor),
  };
}

function canonicalAnnotations(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).sort(([left], [right]) => compareText(left, right)));
}

function canonicalDescriptor({ mediaType, digest, size, platform, annotations }: Descriptor): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(platform === undefined ? {} : { platform: canonicalPlatform(platform) }),
    ...(annotations === undefined ? {} : { annotations: canonicalAnnotations(annotations) }),
  };
}

function canonicalPlatform({ os, architecture, variant }: NonNullable<Descriptor['platform']>): NonNullable<Descriptor['platform']> {
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

/** Order of bases: by name and version, so that a reader finds them; the digest decides between equal ones. */
export function compareBases(left: BundleBase, right: BundleBase): number {
  return compareText(left.name, right.name) || compareText(left.version, right.version) || compareText(left.digest, right.digest);
}

function canonicalBase({ name, version, digest }: BundleBase): BundleBase {
  return { name, version, digest };
}

function canonicalBaseEntry({ path, kind, size, digest, mode, origin, base }: BaseEntry): BaseEntry {
  return { path, kind, size, digest, mode, origin, base };
}

function canonicalEntry({ path, kind, size, digest, mode, offset, origin }: BundleEntry): BundleEntry {
  return { path, kind, size, digest, mode, offset, origin };
}
