import type { Digest } from '../../core/index.ts';
import { MAY_LIE_IN_BASE, type BundleImage, type BundleManifest } from '../format/manifest.ts';
import { compareText } from '../format/member-path.ts';

/** One item of one bundle or of both: without `from` the new bundle added it, without `to` the new bundle dropped it. */
export interface Change<T> {
  readonly name: string;
  readonly from?: T;
  readonly to?: T;
}

export interface ImageState {
  /** Of the index or manifest that the name stands for. */
  readonly digest: Digest;
  /** Bytes of everything the image needs. */
  readonly size: number;
}

export interface PackageState {
  readonly version: string;
  readonly size: number;
}

export interface FileState {
  readonly digest: Digest;
  readonly size: number;
}

/** The differences between two bundles; sizes are bytes. */
export interface BundleDifference {
  /** By full name. */
  readonly images: readonly Change<ImageState>[];
  /** By `name:architecture (repository)`. */
  readonly packages: readonly Change<PackageState>[];
  /** Executables, manifests, documents and files of files.txt, by path. */
  readonly files: readonly Change<FileState>[];
  /** Bytes of the content of each bundle, its bases included. */
  readonly size: { readonly from: number; readonly to: number };
  /** Bytes of images, packages, files and executables in the new bundle that the old one does not have; a delta would carry them. */
  readonly newContent: number;
}

/** Compares the content of two bundles, their bases included. Pure. */
export function differenceOf(from: BundleManifest, to: BundleManifest): BundleDifference {
  const known = new Set(wholeOf(from).map(({ digest }) => digest));
  const added = new Map(
    wholeOf(to)
      .filter(({ digest, kind }) => MAY_LIE_IN_BASE.has(kind) && !known.has(digest))
      .map(({ digest, size }) => [digest, size]),
  );
  return {
    images: changesOf(imagesOf(from), imagesOf(to), (left, right) => left.digest === right.digest),
    packages: changesOf(packagesOf(from), packagesOf(to), (left, right) => left.version === right.version && left.size === right.size),
    files: changesOf(filesOf(from), filesOf(to), (left, right) => left.digest === right.digest),
    size: { from: sizeOf(wholeOf(from)), to: sizeOf(wholeOf(to)) },
    newContent: [...added.values()].reduce((sum, size) => sum + size, 0),
  };
}

function wholeOf({ entries, baseEntries }: BundleManifest) {
  return [...entries, ...baseEntries];
}

function sizeOf(members: readonly { readonly size: number }[]): number {
  return members.reduce((sum, { size }) => sum + size, 0);
}

function imagesOf({ images }: BundleManifest): ReadonlyMap<string, ImageState> {
  return new Map(images.map((image) => [image.name, { digest: image.root.digest, size: imageSize(image) }]));
}

function imageSize({ root, platforms, artifacts = [] }: BundleImage): number {
  const all = [
    root,
    ...platforms.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]),
    ...artifacts.flatMap(({ manifest, blobs }) => [manifest, ...blobs]),
  ];
  return sizeOf([...new Map(all.map((descriptor) => [descriptor.digest, descriptor])).values()]);
}

function packagesOf(manifest: BundleManifest): ReadonlyMap<string, PackageState> {
  const sizes = new Map(wholeOf(manifest).map(({ path, size }) => [path, size]));
  return new Map(
    manifest.repositories.flatMap(({ id, packages }) =>
      packages.map(({ name, architecture, version, path }) => [`${name}:${architecture} (${id})`, { version, size: sizes.get(path) ?? 0 }]),
    ),
  );
}

/** Files that people put in. Metadata and repository indexes follow from other members, so they would repeat those changes. */
function filesOf(manifest: BundleManifest): ReadonlyMap<string, FileState> {
  return new Map(
    wholeOf(manifest)
      .filter(({ kind }) => kind === 'executable' || kind === 'manifest' || kind === 'document' || kind === 'file')
      .map(({ path, digest, size }) => [path, { digest, size }]),
  );
}

function changesOf<T>(from: ReadonlyMap<string, T>, to: ReadonlyMap<string, T>, isSame: (left: T, right: T) => boolean): Change<T>[] {
  const names = [...new Set([...from.keys(), ...to.keys()])].sort(compareText);
  return names.flatMap((name): Change<T>[] => {
    const left = from.get(name);
    const right = to.get(name);
    if (left !== undefined && right !== undefined && isSame(left, right)) return [];
    return [{ name, ...(left === undefined ? {} : { from: left }), ...(right === undefined ? {} : { to: right }) }];
  });
}
