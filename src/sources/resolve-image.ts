import { CaissonError, digestOf, formatPlatform, type Platform } from '../core/index.ts';
import {
  isAttestation,
  isImageConfigType,
  isIndexType,
  selectPlatform,
  type ArtifactManifest,
  type Descriptor,
  type ImageDocument,
  type IndexDocument,
  type ManifestDocument,
  type ResolvedImage,
  type ResolvedManifest,
} from '../oci/index.ts';

/** Reads documents for resolveImage; both methods check digests. */
export interface DocumentReader {
  read(descriptor: Descriptor): Promise<ManifestDocument>;
  /** The platform in an image configuration; undefined when it names none. */
  platformOf(config: Descriptor): Promise<Platform | undefined>;
}

export interface ResolveImageOptions {
  readonly platforms: readonly Platform[];
  /** True when the reference has a digest; the root is then the document with this digest. */
  readonly pinned: boolean;
}

/** A manifest and the indexes on the way to it, outermost first. */
interface Found {
  readonly manifest: Descriptor;
  readonly document: ImageDocument;
  readonly indexes: readonly Descriptor[];
}

/** All documents below an index of artifacts, itself included. */
interface Leaves {
  readonly indexes: readonly Descriptor[];
  readonly artifacts: readonly ArtifactManifest[];
}

/** The configuration of an artifact that needs none (image-spec manifest.md, Guidance for an Empty Descriptor). */
const EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json';

/** Deepest nesting of indexes that is read. */
const MAX_DEPTH = 4;
const MAX_NESTED = 64;

/**
 * Picks the asked platforms out of an image. An index stays the root when several platforms are asked for or when the
 * reference pins it by digest; the manifests of other platforms are then simply absent (a sparse index). Throws
 * IMAGE_PLATFORM_MISSING naming all that is missing and all there is, IMAGE_UNSUPPORTED for a document that is neither
 * an image nor an artifact. An artifact, or an index of artifacts alone, is taken whole: platforms mean nothing to it.
 */
export async function resolveImage(
  what: string,
  root: ManifestDocument,
  { platforms, pinned }: ResolveImageOptions,
  reader: DocumentReader,
): Promise<ResolvedImage> {
  const candidates = new Candidates(what, reader);
  const artifacts = await candidates.artifacts(root);
  if (artifacts !== undefined) return artifacts;
  const found: { platform: Platform; found: Found }[] = [];
  const missing: Platform[] = [];
  for (const platform of platforms) {
    const match = await candidates.find(root, platform);
    if (match === undefined) missing.push(platform);
    else found.push({ platform, found: match });
  }
  if (missing.length > 0)
    throw platformsMissing(what, missing, { seen: candidates.seen, found: found.map(({ platform }) => formatPlatform(platform)) });

  const [first] = found;
  if (first === undefined) throw new Error('resolveImage needs a platform');
  const keepsIndex = root.kind === 'index' && (pinned || platforms.length > 1);
  const rootDescriptor = keepsIndex ? descriptorOf(root) : first.found.manifest;
  const documents = found.flatMap((entry) => [...(keepsIndex ? entry.found.indexes : []), entry.found.manifest]);
  return { root: rootDescriptor, documents: uniqueByDigest(documents), manifests: found.map(resolvedManifest) };
}

class Candidates {
  /** Platforms come across, for the message. */
  readonly seen = new Set<string>();
  readonly #what: string;
  readonly #reader: DocumentReader;
  #nested = 0;

  constructor(what: string, reader: DocumentReader) {
    this.#what = what;
    this.#reader = reader;
  }

  /** The whole when it is an artifact or an index of artifacts alone; undefined for an image. */
  async artifacts(root: ManifestDocument): Promise<ResolvedImage | undefined> {
    const leaves = await this.#artifactsBelow(root, descriptorOf(root), 0);
    if (leaves === undefined || leaves.artifacts.length === 0) return undefined;
    const documents = [...leaves.indexes, ...leaves.artifacts.map(({ manifest }) => manifest)];
    return { root: descriptorOf(root), documents: uniqueByDigest(documents), manifests: [], artifacts: leaves.artifacts };
  }

  async #artifactsBelow(document: ManifestDocument, descriptor: Descriptor, depth: number): Promise<Leaves | undefined> {
    if (document.kind === 'manifest') {
      if (!(await this.#isArtifact(document))) return undefined;
      const { artifactType = document.config.mediaType } = document;
      const blobs = uniqueByDigest([document.config, ...document.layers].map(bare));
      return { indexes: [], artifacts: [{ manifest: bare(descriptor), artifactType, blobs }] };
    }
    // Entries for a platform are chosen among, whatever they are.
    if (document.manifests.some(({ platform }) => platform !== undefined) || document.manifests.length > MAX_NESTED) return undefined;
    const indexes = [bare(descriptor)];
    const artifacts: ArtifactManifest[] = [];
    for (const entry of document.manifests) {
      const below = isIndexType(entry.mediaType) ? await this.#readNested(entry, depth + 1) : await this.#readImage(entry);
      const leaves = await this.#artifactsBelow(below, entry, depth + 1);
      if (leaves === undefined) return undefined;
      indexes.push(...leaves.indexes);
      artifacts.push(...leaves.artifacts);
    }
    return { indexes, artifacts };
  }

  /** A configuration that is no image's and names no platform. The empty one (image-spec manifest.md) names none. */
  async #isArtifact({ config }: ImageDocument): Promise<boolean> {
    if (isImageConfigType(config.mediaType)) return false;
    return config.mediaType === EMPTY_CONFIG || (await this.#reader.platformOf(config)) === undefined;
  }

  async find(root: ManifestDocument, wanted: Platform): Promise<Found | undefined> {
    if (root.kind === 'index') return this.#inIndex(root, wanted, [descriptorOf(root)]);
    const platform = await this.#configPlatform(root);
    return selectPlatform([{ platform }], wanted) === undefined ? undefined : { manifest: descriptorOf(root), document: root, indexes: [] };
  }

  async #inIndex(index: IndexDocument, wanted: Platform, path: readonly Descriptor[]): Promise<Found | undefined> {
    const entries = index.manifests.filter((entry) => !isAttestation(entry));
    const images = entries.filter((entry) => !isIndexType(entry.mediaType));
    for (const { platform } of images) if (platform !== undefined) this.seen.add(formatPlatform(platform));

    const selected = selectPlatform(images, wanted);
    if (selected !== undefined) return this.#found(selected, path);
    for (const entry of images.filter(({ platform }) => platform === undefined)) {
      const document = await this.#readImage(entry);
      if (selectPlatform([{ platform: await this.#configPlatform(document) }], wanted) !== undefined) return this.#found(entry, path);
    }
    for (const entry of entries.filter(({ mediaType }) => isIndexType(mediaType))) {
      const nested = await this.#readNested(entry, path.length);
      const match = await this.#inIndex(nested, wanted, [...path, bare(entry)]);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  async #found(entry: Descriptor, indexes: readonly Descriptor[]): Promise<Found> {
    return { manifest: bare(entry), document: await this.#readImage(entry), indexes };
  }

  async #readImage(entry: Descriptor): Promise<ImageDocument> {
    const document = await this.#reader.read(entry);
    if (document.kind === 'manifest') return this.#sized(entry, document);
    throw this.#unsupported(`its index lists "${entry.digest}" as an image manifest, which it is not`);
  }

  async #readNested(entry: Descriptor, depth: number): Promise<IndexDocument> {
    this.#nested += 1;
    if (depth >= MAX_DEPTH || this.#nested > MAX_NESTED) throw this.#unsupported('its indexes are nested too deep');
    const document = await this.#reader.read(entry);
    if (document.kind === 'index') return this.#sized(entry, document);
    throw this.#unsupported(`its index lists "${entry.digest}" as an index, which it is not`);
  }

  #sized<T extends ManifestDocument>(entry: Descriptor, document: T): T {
    if (document.bytes.byteLength === entry.size) return document;
    throw this.#unsupported(`its index gives "${entry.digest}" a size of ${entry.size} bytes, it has ${document.bytes.byteLength}`);
  }

  async #configPlatform(document: ImageDocument): Promise<Platform> {
    const platform = await this.#reader.platformOf(document.config);
    if (platform === undefined) throw this.#unsupported(`it is not a container image ("${document.config.mediaType}" names no platform)`);
    this.seen.add(formatPlatform(platform));
    return platform;
  }

  #unsupported(reason: string): CaissonError {
    return new CaissonError('IMAGE_UNSUPPORTED', `Cannot use ${this.#what}: ${reason}`);
  }
}

function resolvedManifest({ platform, found }: { platform: Platform; found: Found }): ResolvedManifest {
  const { manifest, document } = found;
  return { platform, manifest, config: bare(document.config), layers: document.layers.map(bare) };
}

function descriptorOf(document: ManifestDocument): Descriptor {
  return { mediaType: document.mediaType, digest: digestOf(document.bytes), size: document.bytes.byteLength };
}

/** A descriptor without the annotations and the platform that the listing index adds. */
function bare({ mediaType, digest, size, urls }: Descriptor): Descriptor {
  return { mediaType, digest, size, ...(urls === undefined ? {} : { urls }) };
}

function uniqueByDigest(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function platformsMissing(
  what: string,
  missing: readonly Platform[],
  { seen, found }: { readonly seen: ReadonlySet<string>; readonly found: readonly string[] },
): CaissonError {
  const names = missing.map((platform) => `"${formatPlatform(platform)}"`).join(', ');
  const there = seen.size === 0 ? 'it has no image at all' : `it exists for ${[...seen].join(', ')}`;
  // Where none of the asked platforms is there, another image is the remedy.
  const hint = `If only hosts of ${found.join(' and ')} need it, say so at the end of its line: platforms=${found.join(',')}`;
  return new CaissonError('IMAGE_PLATFORM_MISSING', `Cannot use ${what} for ${names}: ${there}`, found.length === 0 ? {} : { hint });
}
