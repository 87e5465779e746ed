import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CaissonError, digestOf, DigestMismatchError, isDigest, messageOf, type Digest, type Platform } from '../core/index.ts';
import {
  formatReference,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
  parseJsonObject,
  parseManifest,
  parseReference,
  type Descriptor,
  type ImageSource,
  type ManifestDocument,
  type OpenBlobOptions,
  type ResolvedImage,
  type ResolveOptions,
} from '../oci/index.ts';
import { readConfigPlatform } from './config-platform.ts';
import { readSmall, type ImageFiles } from './image-files.ts';
import { blobMissing } from './layout-source.ts';
import { resolveImage } from './resolve-image.ts';
import { formatSource, parseSource } from './source-reference.ts';

const LIST_LIMIT = 16 * 1024 * 1024;
const CONFIG_LIMIT = 8 * 1024 * 1024;
const LAYERS_LIMIT = 1024;
/** Most bytes that a compressed layer may unpack to: one byte of gzip gives up to a thousand. */
const LAYER_LIMIT = 256 * 1024 ** 3;

/** One item of manifest.json. */
interface ListedImage {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

/** An image with the manifest that was made for it, and where its blobs lie. */
interface MadeImage {
  readonly document: ManifestDocument;
  readonly digest: Digest;
  readonly config: Buffer;
  readonly blobs: ReadonlyMap<Digest, Descriptor & { readonly path: string }>;
}

/**
 * Images of one archive that docker save wrote (manifest.json; moby image/spec, Combined Image JSON + Filesystem
 * Changeset Format). Such images have no registry manifest; the one that is made here is a function of configuration and
 * layers alone: OCI types, canonical JSON, layers as they lie there. So one image always has one digest, whichever
 * engine wrote the archive, as long as it left the layers uncompressed.
 */
export class DockerArchiveSource implements ImageSource {
  readonly #files: ImageFiles;
  readonly #made = new Map<string, Promise<MadeImage>>();
  #list: Promise<readonly ListedImage[]> | undefined;

  /** Closes the files when it is closed. */
  constructor(files: ImageFiles) {
    this.#files = files;
  }

  describe(reference: string): string {
    const source = parseSource(reference);
    return source.transport === 'docker-archive' ? formatSource({ ...source, path: this.#files.path }) : formatSource(source);
  }

  async resolve(reference: string, { platforms, attached = false, signal }: ResolveOptions): Promise<ResolvedImage> {
    signal?.throwIfAborted();
    const { document, config } = await this.#image(reference, signal);
    const resolved = await resolveImage(
      `"${reference}"`,
      document,
      { platforms, pinned: false },
      {
        read: () => Promise.reject(new Error('A docker archive has no index')),
        platformOf: (descriptor): Promise<Platform | undefined> =>
          readConfigPlatform(Readable.from([config], { objectMode: false }), descriptor),
      },
    );
    // This program made the manifest, so no signature or SBOM elsewhere can refer to it.
    return attached ? { ...resolved, attached: [] } : resolved;
  }

  async openBlob(reference: string, descriptor: Descriptor, { offset = 0, signal }: OpenBlobOptions = {}): Promise<Readable> {
    signal?.throwIfAborted();
    const image = await this.#image(reference, signal);
    if (descriptor.digest === image.digest) return Readable.from([image.document.bytes.subarray(offset)], { objectMode: false });
    const blob = image.blobs.get(descriptor.digest);
    if (blob === undefined) throw blobMissing(descriptor.digest, this.#files.path);
    return this.#files.open(blob.path, offset);
  }

  async readManifest(reference: string, digest: Digest, options: { readonly signal?: AbortSignal } = {}): Promise<Buffer> {
    const image = await this.#image(reference, options.signal);
    if (image.digest !== digest) throw blobMissing(digest, this.#files.path);
    return image.document.bytes;
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  /** Makes the manifest once for each image, also for concurrent callers. A failure is not kept: the next call tries again. */
  async #image(reference: string, signal: AbortSignal | undefined): Promise<MadeImage> {
    const listed = await this.#find(reference);
    const known = this.#made.get(listed.config);
    if (known !== undefined) return known;
    const made = this.#make(listed, signal);
    this.#made.set(listed.config, made);
    made.catch(() => this.#made.delete(listed.config));
    return made;
  }

  async #find(reference: string): Promise<ListedImage> {
    this.#list ??= this.#readList();
    const list = await this.#list;
    const source = parseSource(reference);
    const image = source.transport === 'docker-archive' || source.transport === 'docker' ? source.image : undefined;
    // An image that the engine was asked for by digest is the only one that it sends, and has no names then.
    const wanted = image === undefined || image.digest !== undefined ? undefined : formatReference(image);
    const found = wanted === undefined ? list : list.filter(({ names }) => names.includes(wanted));
    const [first] = found;
    const names = list.flatMap((item) => item.names);
    const there = names.length === 0 ? 'no image in it has a name' : `it has ${names.map((name) => `"${name}"`).join(', ')}`;
    if (first === undefined) {
      throw new CaissonError(
        'IMAGE_NOT_FOUND',
        `Cannot find image "${reference}": ${list.length === 0 ? 'the archive has no image' : there}`,
      );
    }
    if (new Set(found.map(({ config }) => config)).size > 1) {
      throw new CaissonError('IMAGE_NOT_FOUND', `Cannot find image "${reference}": the archive has ${found.length} images; ${there}`, {
        hint: 'Name one of them: docker-archive:FILE:NAME:TAG',
      });
    }
    return first;
  }

  async #readList(): Promise<readonly ListedImage[]> {
    const bytes = await readSmall(this.#files, 'manifest.json', LIST_LIMIT);
    if (bytes === undefined) {
      throw this.#invalid('it is not a docker archive: it has no "manifest.json"', 'An OCI image layout is named as oci-archive:FILE');
    }
    // A list is no JSON object: it is put into one.
    const list = parseJsonObject(Buffer.concat([Buffer.from('{"list":'), bytes, Buffer.from('}')]))?.['list'];
    if (!Array.isArray(list)) throw this.#invalid('its manifest.json is not a list in JSON');
    return list.map((item: unknown, index) => this.#listed(item, index));
  }

  #listed(item: unknown, index: number): ListedImage {
    const { Config: config, RepoTags: tags, Layers: layers } = isRecord(item) ? item : {};
    const at = `item ${index + 1} of its manifest.json`;
    if (typeof config !== 'string' || config === '') throw this.#invalid(`${at} names no configuration`);
    if (layers !== null && layers !== undefined && !isTexts(layers)) throw this.#invalid(`${at} has no list of layers`);
    if (tags !== null && tags !== undefined && !isTexts(tags)) throw this.#invalid(`${at} has no list of names`);
    return { config, names: (tags ?? []).flatMap(normalizedName), layers: layers ?? [] };
  }

  /** The manifest of a listed image: configuration as it is, each layer checked against its diff ID (image-spec config.md). */
  async #make(listed: ListedImage, signal: AbortSignal | undefined): Promise<MadeImage> {
    const config = await readSmall(this.#files, listed.config, CONFIG_LIMIT);
    if (config === undefined) throw this.#invalid(`its manifest.json names the configuration "${listed.config}", which is not there`);
    this.#checkName(listed.config, config);
    const diffIds = this.#diffIds(config, listed);
    const blobs = new Map<Digest, Descriptor & { readonly path: string }>();
    const layers: Descriptor[] = [];
    for (const [index, path] of listed.layers.entries()) {
      const layer = await this.#layer(path, diffIds[index], signal);
      blobs.set(layer.digest, { ...layer, path });
      layers.push(layer);
    }
    const configDescriptor = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.byteLength };
    blobs.set(configDescriptor.digest, { ...configDescriptor, path: listed.config });
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: configDescriptor, layers }));
    return { document: parseManifest(bytes, OCI_MANIFEST), digest: digestOf(bytes), config, blobs };
  }

  /** Docker names a configuration by its digest, as HEX.json or blobs/sha256/HEX: then it must have it. */
  #checkName(path: string, config: Buffer): void {
    const [, hex] = /^(?:blobs\/sha256\/)?([0-9a-f]{64})(?:\.json)?$/.exec(path) ?? [];
    const digest = digestOf(config);
    if (hex === undefined || digest === `sha256:${hex}`) return;
    const what = `configuration "${path}" of "${this.#files.path}"`;
    throw new DigestMismatchError(what, { digest: `sha256:${hex}` }, { digest, size: config.byteLength });
  }

  #diffIds(config: Buffer, listed: ListedImage): readonly Digest[] {
    const rootfs = parseJsonObject(config)?.['rootfs'];
    const ids = isRecord(rootfs) ? (rootfs['diff_ids'] ?? []) : undefined;
    if (!isTexts(ids) || !ids.every(isDigest)) throw this.#invalid(`its configuration "${listed.config}" has no list of diff IDs`);
    if (ids.length > LAYERS_LIMIT) throw this.#invalid(`its configuration "${listed.config}" has more than ${LAYERS_LIMIT} layers`);
    if (ids.length !== listed.layers.length) {
      throw this.#invalid(`its manifest.json lists ${listed.layers.length} layers, its configuration "${listed.config}" has ${ids.length}`);
    }
    return ids;
  }

  /** Reads a layer once: its own digest and, where it is compressed, that of its content, which must be the diff ID. */
  async #layer(path: string, diffId: Digest | undefined, signal: AbortSignal | undefined): Promise<Descriptor> {
    const size = await this.#files.size(path);
    if (size === undefined) throw this.#invalid(`its manifest.json names the layer "${path}", which is not there`);
    const what = `layer "${path}" of "${this.#files.path}"`;
    const own = await hashOf(await this.#files.open(path, 0), signal);
    if (own.compression === 'zstd') {
      throw new CaissonError('IMAGE_UNSUPPORTED', `Cannot use ${what}: it is compressed with zstd, so that it cannot be checked`, {
        hint: 'Save the image as an OCI layout (oci-archive:) or uncompressed',
      });
    }
    const content = own.compression === undefined ? own : await this.#unpacked(path, what, signal);
    if (content.digest !== diffId) throw new DigestMismatchError(what, { digest: diffId ?? 'nothing' }, content);
    return { mediaType: own.compression === undefined ? OCI_LAYER : OCI_LAYER_GZIP, digest: own.digest, size };
  }

  async #unpacked(
    path: string,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const packed = await this.#files.open(path, 0);
    const gunzip = createGunzip({ chunkSize: 256 * 1024 });
    packed.on('error', (error) => gunzip.destroy(error)).pipe(gunzip);
    try {
      return await hashOf(gunzip, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof CaissonError) throw error;
      throw new CaissonError('COMPRESSION_INVALID', `Cannot use ${what}: its gzip data is damaged or cut short`, {
        cause: error,
        hint: `Make the archive again; the decoder said: ${messageOf(error)}`,
      });
    } finally {
      packed.destroy();
    }
  }

  #invalid(reason: string, hint?: string): CaissonError {
    return new CaissonError('ARCHIVE_INVALID', `Cannot use archive "${this.#files.path}": ${reason}`, hint === undefined ? {} : { hint });
  }
}

interface Hashed {
  readonly digest: Digest;
  readonly size: number;
  readonly compression?: 'gzip' | 'zstd';
}

async function hashOf(stream: Readable, signal: AbortSignal | undefined): Promise<Hashed> {
  const hash = createHash('sha256');
  let size = 0;
  let start = Buffer.alloc(0);
  for await (const chunk of stream) {
    signal?.throwIfAborted();
    const bytes: unknown = chunk;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('hashOf needs a stream of bytes');
    if (start.byteLength < 4) start = Buffer.concat([start, bytes.subarray(0, 4)]);
    hash.update(bytes);
    size += bytes.byteLength;
    if (size > LAYER_LIMIT) throw new CaissonError('LIMIT_EXCEEDED', 'Cannot use a layer that holds more than 256 GiB');
  }
  const hex = start.subarray(0, 4).toString('hex');
  const compression = hex.startsWith('1f8b')
    ? { compression: 'gzip' as const }
    : hex === '28b52ffd'
      ? { compression: 'zstd' as const }
      : {};
  return { digest: `sha256:${hash.digest('hex')}`, size, ...compression };
}

/** Normalizes a name: podman writes full names, docker short ones. A text that is no name gives an empty list. */
function normalizedName(name: string): string[] {
  try {
    return [formatReference(parseReference(name))];
  } catch {
    return [];
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
