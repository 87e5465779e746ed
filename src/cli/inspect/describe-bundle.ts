import {
  blobPath,
  checkSignatures,
  type BundleBase,
  type BundleEntry,
  type BundleImage,
  type BundleMember,
  type BundleReader,
  type BundleRepository,
} from '../../bundle/index.ts';
import { formatSize } from '../../core/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandOutput } from '../command.ts';

/** Formats the result of `inspect BUNDLE`: tables for people, and the same facts as data. */
export function describeBundle(reader: BundleReader): CommandOutput {
  const { manifest, size, bundleDigest } = reader;
  const images = manifest.images.map((image) => describeImage(image, reader));
  const packages = manifest.repositories.flatMap((repository) => describePackages(repository, reader));
  const files = [...manifest.entries, ...manifest.baseEntries]
    .filter(({ kind }) => kind !== 'blob' && kind !== 'package')
    .map(describeFile);
  const { name, version, date, platforms, bases, baseEntries } = manifest;
  const inBases = baseEntries.reduce((sum, entry) => sum + entry.size, 0);
  const signatures = checkSignatures(reader.signatures, reader.sums, undefined).signatures.map(({ member, fingerprint }) => ({
    member,
    fingerprint,
  }));
  const data = {
    name,
    version,
    date,
    platforms,
    size,
    bundleDigest,
    bases,
    inBases,
    signatures,
    totals: totalsOf(manifest.entries),
    images,
    packages,
    files,
  };
  return { text: textOf(data), data };
}

function describeImage(image: BundleImage, reader: BundleReader) {
  return {
    name: image.name,
    source: image.source,
    origin: reader.entry(blobPath(image.root.digest))?.origin ?? '',
    mediaType: image.root.mediaType,
    digest: image.root.digest,
    platforms: image.platforms.map(({ platform, manifest, config, layers }) => ({
      platform,
      digest: manifest.digest,
      layers: layers.length,
      size: [manifest, config, ...layers].reduce((sum, descriptor) => sum + descriptor.size, 0),
    })),
    artifacts: (image.artifacts ?? []).map(({ manifest, artifactType, blobs }) => ({
      artifactType,
      digest: manifest.digest,
      size: [manifest, ...blobs].reduce((sum, descriptor) => sum + descriptor.size, 0),
    })),
  };
}

function describePackages(repository: BundleRepository, reader: BundleReader) {
  return repository.packages.map(({ name, version, architecture, path, set }) => {
    const entry = reader.entry(path);
    return {
      repository: repository.id,
      name,
      version,
      architecture,
      sets: set,
      path,
      size: entry?.size ?? 0,
      digest: entry?.digest,
      origin: entry?.origin ?? '',
    };
  });
}

function describeFile({ path, kind, size, digest, origin }: BundleMember) {
  return { path, kind, size, digest, origin };
}

function totalsOf(entries: readonly BundleEntry[]): Readonly<Record<string, { readonly members: number; readonly size: number }>> {
  const totals: Record<string, { members: number; size: number }> = {};
  for (const { kind, size } of entries) {
    const total = (totals[kind] ??= { members: 0, size: 0 });
    total.members += 1;
    total.size += size;
  }
  return totals;
}

interface InspectData {
  readonly name: string;
  readonly version: string;
  readonly date: string;
  readonly platforms: readonly string[];
  readonly size: number;
  readonly bundleDigest: string;
  readonly bases: readonly BundleBase[];
  readonly inBases: number;
  readonly signatures: readonly { readonly member: string; readonly fingerprint: string }[];
  readonly totals: ReturnType<typeof totalsOf>;
  readonly images: readonly ReturnType<typeof describeImage>[];
  readonly packages: readonly ReturnType<typeof describePackages>[number][];
  readonly files: readonly ReturnType<typeof describeFile>[];
}

function textOf(data: InspectData): string {
  const images = data.images.flatMap(({ name, origin, platforms, artifacts }) => [
    ...platforms.map(({ platform, digest, size }) => [name, platform, formatSize(size), digest, origin]),
    ...artifacts.map(({ artifactType, digest, size }) => [name, artifactType, formatSize(size), digest, origin]),
  ]);
  const packages = data.packages.map((item) => [
    item.name,
    item.version,
    item.architecture,
    formatSize(item.size),
    item.sets.join(','),
    item.repository,
    item.origin,
  ]);
  const files = data.files.map(({ path, kind, size, origin }) => [path, kind, formatSize(size), origin]);
  const totals = Object.entries(data.totals).map(([kind, { members, size }]) => [kind, String(members), formatSize(size)]);
  return [
    `${data.name} ${data.version} for ${data.platforms.join(', ')}, ${formatSize(data.size)}, content of ${data.date}`,
    `bundle ${data.bundleDigest}`,
    ...data.signatures.map(({ fingerprint }) => `signed by ${fingerprint}`),
    ...data.bases.map(({ name, version, digest }) => `a delta: needs ${name} ${version}, bundle ${digest}`),
    ...(data.bases.length === 0 ? [] : [`${formatSize(data.inBases)} of what is listed lie there`]),
    section('Images', ['NAME', 'PLATFORM OR TYPE', 'SIZE', 'MANIFEST', 'FROM'], images),
    section('Packages', ['NAME', 'VERSION', 'ARCHITECTURE', 'SIZE', 'SETS', 'REPOSITORY', 'FROM'], packages),
    section('Files', ['PATH', 'KIND', 'SIZE', 'FROM'], files),
    section('Members', ['KIND', 'NUMBER', 'SIZE'], totals),
  ].join('\n');
}

function section(title: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? `\n${title}: none` : `\n${title} (${rows.length})\n${formatTable(header, rows)}`;
}
