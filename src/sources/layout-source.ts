import { Readable } from 'node:stream';
import { CaissonError, digestOf, DigestMismatchError, hexOf, type Digest, type Emit, type Platform } from '../core/index.ts';
import { readLimited } from '../io/index.ts';
import {
  isIndexType,
  isManifestType,
  MANIFEST_SIZE_LIMIT,
  OCI_INDEX,
  parseJsonObject,
  parseManifest,
  type AttachedManifest,
  type Descriptor,
  type ImageSource,
  type ManifestDocument,
  type OpenBlobOptions,
  type ResolvedImage,
  type ResolveOptions,
} from '../oci/index.ts';
import { readConfigPlatform } from './config-platform.ts';
import { findAttached, type AttachedReader } from './find-attached.ts';
import { readSmall, type ImageFiles } from './image-files.ts';
import { resolveImage, type DocumentReader } from './resolve-image.ts';
import { formatSource, parseSource, type LayoutReference } from './source-reference.ts';

const CONFIG_SIZE_LIMIT = 8 * 1024 * 1024;
const REF_NAME = 'org.opencontainers.image.ref.name';
const CONTAINERD_NAME = 'io.containerd.image.name';
/** Names that a message lists. */
const SHOWN_NAMES = 20;

/**
 * Images of one OCI image layout (image-spec image-layout.md), in a directory or an archive: the very bytes that lie
 * there, with checked digests. An image is found by the annotation org.opencontainers.image.ref.name, by containerd's
 * name, or by the digest of any manifest in it.
 */
export class LayoutSource implements ImageSource {
  readonly #files: ImageFiles;
  readonly #emit: Emit;

  /** Closes the files when it is closed. */
  constructor(files: ImageFiles, emit: Emit) {
    this.#files = files;
    this.#emit = emit;
  }

  describe(reference: string): string {
    const source = layoutReference(reference);
    return formatSource({ ...source, path: this.#files.path });
  }

  async resolve(reference: string, { platforms, attached = false, signal }: ResolveOptions): Promise<ResolvedImage> {
    signal?.throwIfAborted();
    const source = layoutReference(reference);
    const reader: DocumentReader = {
      read: (descriptor) => this.#document(descriptor.digest, descriptor.mediaType),
      platformOf: (config) => this.#configPlatform(config),
    };
    const options = { platforms, pinned: source.digest !== undefined || attached };
    const resolved = await resolveImage(`"${formatSource(source)}"`, await this.#root(source), options, reader);
    for (const { config, layers } of resolved.manifests) for (const blob of [config, ...layers]) await this.#requireBlob(blob);
    for (const { blobs } of resolved.artifacts ?? []) for (const blob of blobs) await this.#requireBlob(blob);
    return attached ? { ...resolved, attached: await this.#attached(source, resolved, signal) } : resolved;
  }

  async openBlob(_reference: string, descriptor: Descriptor, { offset = 0, signal }: OpenBlobOptions = {}): Promise<Readable> {
    signal?.throwIfAborted();
    if (isIndexType(descriptor.mediaType) || isManifestType(descriptor.mediaType)) {
      const { bytes } = await this.#document(descriptor.digest, descriptor.mediaType);
      return Readable.from([bytes.subarray(offset)], { objectMode: false });
    }
    const path = blobFile(descriptor.digest);
    if ((await this.#files.size(path)) === undefined) throw blobMissing(descriptor.digest, this.#files.path);
    return this.#files.open(path, offset);
  }

  async readManifest(_reference: string, digest: Digest): Promise<Buffer> {
    return (await this.#document(digest)).bytes;
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  /** Finds attached manifests: a layout lists them in index.json, under cosign's tags or without a name. */
  async #attached(source: LayoutReference, resolved: ResolvedImage, signal: AbortSignal | undefined): Promise<readonly AttachedManifest[]> {
    const index = await this.#index();
    const listed: { readonly entry: Descriptor; readonly subject: Digest | undefined }[] = [];
    for (const entry of index) {
      if (!isManifestType(entry.mediaType)) continue;
      const document = await this.#document(entry.digest, entry.mediaType);
      listed.push({ entry, subject: document.kind === 'manifest' ? document.subject?.digest : undefined });
    }
    const reader: AttachedReader = {
      read: (descriptor) => this.#document(descriptor.digest, descriptor.mediaType),
      readTag: async (tag) => {
        const entry = index.find((item) => namesOf(item).includes(tag));
        return entry === undefined ? undefined : this.#document(entry.digest, entry.mediaType);
      },
      referrers: async (subject) => listed.filter((item) => item.subject === subject).map(({ entry }) => entry),
    };
    const found = await findAttached(resolved, reader, { what: `"${formatSource(source)}"`, emit: this.#emit, signal });
    for (const { blobs } of found) for (const blob of blobs) await this.#requireBlob(blob);
    return found;
  }

  /**
   * Throws unless the layout has a blob that an image needs, so that no lock names a missing one. Digests are checked
   * when the bytes are read.
   */
  async #requireBlob({ digest, size }: Descriptor): Promise<void> {
    const found = await this.#files.size(blobFile(digest));
    if (found === undefined) throw blobMissing(digest, this.#files.path);
    if (found !== size) throw this.#invalid(`its blob "${digest}" has ${found} bytes, its manifest says ${size}`);
  }

  /** The document that a reference means: by digest directly, else by the list in index.json. */
  async #root(source: LayoutReference): Promise<ManifestDocument> {
    const index = await this.#index();
    if (source.digest !== undefined) {
      const listed = index.find(({ digest }) => digest === source.digest);
      return this.#document(source.digest, listed?.mediaType);
    }
    const found = index.filter((entry) => source.name === undefined || namesOf(entry).includes(source.name));
    const [first] = found;
    const names = [...new Set(index.flatMap(namesOf))];
    const shown = names.slice(0, SHOWN_NAMES).map((name) => `"${name}"`);
    const there =
      shown.length === 0 ? 'no image in it has a name' : `it has ${shown.join(', ')}${names.length > shown.length ? ', …' : ''}`;
    if (first === undefined) throw notFound(formatSource(source), index.length === 0 ? 'the layout has no image' : there);
    if (new Set(found.map(({ digest }) => digest)).size > 1) {
      const hint = `Name one of them, by name or by digest: ${source.transport}:${source.path}:NAME, ${source.transport}:${source.path}@sha256:…`;
      throw notFound(formatSource(source), `${found.length} images are meant alike; ${there}`, hint);
    }
    return this.#document(first.digest, first.mediaType);
  }

  /** index.json (image-spec image-layout.md, index.json file). */
  async #index(): Promise<readonly Descriptor[]> {
    const marker = await readSmall(this.#files, 'oci-layout', 4096);
    const bytes = await readSmall(this.#files, 'index.json', MANIFEST_SIZE_LIMIT);
    if (marker === undefined || bytes === undefined) {
      throw this.#invalid(
        `it is not an OCI image layout: it has no "${marker === undefined ? 'oci-layout' : 'index.json'}"`,
        'A file of docker save is named as docker-archive:FILE',
      );
    }
    const version = parseJsonObject(marker)?.['imageLayoutVersion'];
    if (version !== '1.0.0') throw this.#invalid(`its layout version is not "1.0.0"`);
    const document = parseManifest(bytes, OCI_INDEX, `index.json of "${this.#files.path}"`);
    if (document.kind !== 'index') throw this.#invalid('its index.json is not an index');
    return document.manifests;
  }

  async #document(digest: Digest, mediaType?: string): Promise<ManifestDocument> {
    const bytes = await readSmall(this.#files, blobFile(digest), MANIFEST_SIZE_LIMIT);
    if (bytes === undefined) throw blobMissing(digest, this.#files.path);
    const what = `"${digest}" of "${this.#files.path}"`;
    const actual = digestOf(bytes);
    if (actual !== digest) throw new DigestMismatchError(what, { digest }, { digest: actual, size: bytes.byteLength });
    return parseManifest(bytes, mediaType, what);
  }

  async #configPlatform(config: Descriptor): Promise<Platform | undefined> {
    if (config.size > CONFIG_SIZE_LIMIT) return undefined;
    const size = await this.#files.size(blobFile(config.digest));
    if (size === undefined) throw blobMissing(config.digest, this.#files.path);
    const bytes = await readLimited(await this.#files.open(blobFile(config.digest), 0), CONFIG_SIZE_LIMIT, `"${config.digest}"`);
    return readConfigPlatform(Readable.from([bytes], { objectMode: false }), config);
  }

  #invalid(reason: string, hint?: string): CaissonError {
    return new CaissonError('ARCHIVE_INVALID', `Cannot use "${this.#files.path}": ${reason}`, hint === undefined ? {} : { hint });
  }
}

/** Where a layout keeps a blob (image-spec image-layout.md, Blobs). */
function blobFile(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function namesOf({ annotations }: Descriptor): string[] {
  return [...new Set([annotations?.[REF_NAME], annotations?.[CONTAINERD_NAME]])].filter((name) => name !== undefined);
}

function layoutReference(reference: string): LayoutReference {
  const source = parseSource(reference);
  if (source.transport === 'oci' || source.transport === 'oci-archive') return source;
  throw new Error(`"${reference}" is not a reference of an OCI image layout`);
}

function notFound(what: string, reason: string, hint?: string): CaissonError {
  return new CaissonError('IMAGE_NOT_FOUND', `Cannot find image "${what}": ${reason}`, hint === undefined ? {} : { hint });
}

/** A blob that a document, or the lock, promises. */
export function blobMissing(digest: Digest, path: string): CaissonError {
  return new CaissonError('BLOB_UNKNOWN', `Cannot find "${digest}" in "${path}"`, {
    hint: 'The archive or layout is incomplete, or was changed since it was locked: make it again, or resolve it again with --update',
  });
}
