import { Readable } from 'node:stream';
import {
  CaissonError,
  digestOf,
  DigestMismatchError,
  hasCode,
  isDigest,
  silent,
  systemClock,
  type Clock,
  type Digest,
  type Emit,
  type Platform,
} from '../core/index.ts';
import { headerOf, type HttpClient, type WholeResponse } from '../net/index.ts';
import {
  bareMediaType,
  formatReference,
  isIndexType,
  isManifestType,
  MANIFEST_ACCEPT,
  MANIFEST_SIZE_LIMIT,
  OCI_INDEX,
  parseManifest,
  parseReference,
  repositoryName,
  type Descriptor,
  type ImageReference,
  type ImageSource,
  type ManifestDocument,
  type OpenBlobOptions,
  type ResolvedImage,
  type ResolveOptions,
} from '../oci/index.ts';
import {
  addressOf,
  anonymous,
  dockerCredentials,
  endpointOf,
  refusal,
  refusalOf,
  RegistryClient,
  type AskedRegistry,
  type Endpoint,
  type FindCredentials,
  type Mirrors,
} from '../registry/index.ts';
import { findAttached, type AttachedReader } from './find-attached.ts';
import { resolveImage, type DocumentReader } from './resolve-image.ts';
import { platformOfConfig, readConfig } from './config-platform.ts';

export interface RegistrySourceOptions {
  /** Stays the caller's to close. */
  readonly http: HttpClient;
  readonly mirrors?: Mirrors;
  /** Who is logged in where. Without it docker's configuration is used, when there is an env to find it by. */
  readonly findCredentials?: FindCredentials;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly emit?: Emit;
  readonly clock?: Clock;
}

/** Bytes of documents kept in memory for openBlob and readManifest, because hubs count every manifest that is fetched. */
const KEPT_DOCUMENT_BYTES = 32 * 1024 * 1024;
/** Most pages of a referrers list that are read, so that a list without an end is cut. */
const REFERRERS_PAGES = 64;
/** Bytes of image configurations kept in memory between the look at their platforms and the one openBlob that wants them. */
const KEPT_CONFIG_BYTES = 16 * 1024 * 1024;
const CONFIG_SIZE_LIMIT = 8 * 1024 * 1024;

/** Images from registries that speak the OCI distribution specification, each from its own host or a mirror of it. */
export class RegistrySource implements ImageSource {
  readonly #http: HttpClient;
  readonly #mirrors: Mirrors;
  readonly #findCredentials: FindCredentials;
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #clients = new Map<string, RegistryClient>();
  readonly #kept = new Map<Digest, ManifestDocument>();
  #keptBytes = 0;
  readonly #configs = new Map<Digest, Promise<Buffer>>();
  #configBytes = 0;

  constructor(options: RegistrySourceOptions) {
    this.#http = options.http;
    this.#mirrors = options.mirrors ?? new Map();
    this.#emit = options.emit ?? silent;
    const { env } = options;
    this.#findCredentials = options.findCredentials ?? (env === undefined ? anonymous : dockerCredentials({ env, emit: this.#emit }));
    this.#clock = options.clock ?? systemClock;
  }

  describe(reference: string): string {
    const parsed = parseReference(reference);
    return addressOf(endpointOf(parsed.domain, this.#mirrors), parsed, 'manifests', nameOf(parsed));
  }

  async resolve(reference: string, options: ResolveOptions): Promise<ResolvedImage> {
    const parsed = parseReference(reference);
    const what = `"${formatReference(parsed)}"`;
    const { signal } = options;
    const reader: DocumentReader = {
      read: (descriptor) => this.#document(parsed, descriptor.digest, signal),
      platformOf: (config) => this.#configPlatform(parsed, config, signal),
    };
    const root = await this.#document(parsed, nameOf(parsed), signal);
    const pinned = parsed.digest !== undefined || options.attached === true;
    const resolved = await resolveImage(what, root, { platforms: options.platforms, pinned }, reader);
    if (options.attached !== true) return resolved;
    const attachedReader: AttachedReader = {
      read: (descriptor) => this.#document(parsed, descriptor.digest, signal),
      readTag: (tag) => this.#tagged(parsed, tag, signal),
      referrers: (subject) => this.#referrers(parsed, subject, signal),
    };
    return { ...resolved, attached: await findAttached(resolved, attachedReader, { what, emit: this.#emit, signal }) };
  }

  async openBlob(reference: string, descriptor: Descriptor, options: OpenBlobOptions = {}): Promise<Readable> {
    const parsed = parseReference(reference);
    if (isIndexType(descriptor.mediaType) || isManifestType(descriptor.mediaType)) {
      const { bytes } = await this.#document(parsed, descriptor.digest, options.signal);
      return Readable.from([bytes.subarray(options.offset ?? 0)], { objectMode: false });
    }
    const config = this.#takeConfig(descriptor);
    if (config !== undefined) return Readable.from([(await config).subarray(options.offset ?? 0)], { objectMode: false });
    try {
      return await this.#openBlob(parsed, descriptor, options);
    } catch (error) {
      if (descriptor.urls === undefined || !hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
      return this.#openForeign(descriptor, descriptor.urls, options);
    }
  }

  async readManifest(reference: string, digest: Digest, options: { readonly signal?: AbortSignal } = {}): Promise<Buffer> {
    return (await this.#document(parseReference(reference), digest, options.signal)).bytes;
  }

  async close(): Promise<void> {
    this.#kept.clear();
    this.#keptBytes = 0;
    this.#configs.clear();
    this.#configBytes = 0;
  }

  async #tagged(reference: ImageReference, tag: string, signal: AbortSignal | undefined): Promise<ManifestDocument | undefined> {
    try {
      return await this.#document(reference, tag, signal);
    } catch (error) {
      if (hasCode(error, 'IMAGE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /**
   * The referrers of a digest (distribution-spec, Listing Referrers). Any other answer than a list means that the
   * registry keeps them under a tag (Referrers Tag Schema).
   */
  async #referrers(reference: ImageReference, subject: Digest, signal: AbortSignal | undefined): Promise<readonly Descriptor[]> {
    const endpoint = endpointOf(reference.domain, this.#mirrors);
    const repository = `${endpoint.prefix}${reference.repository}`;
    const found: Descriptor[] = [];
    let url: string | undefined = addressOf(endpoint, reference, 'referrers', subject);
    for (let page = 0; url !== undefined && page < REFERRERS_PAGES; page += 1) {
      const request = { url, repository, headers: { accept: OCI_INDEX }, signal };
      const response = await this.#clientFor(reference).requestWhole(request, MANIFEST_SIZE_LIMIT);
      const isIndex = response.status === 200 && bareMediaType(headerOf(response, 'content-type') ?? '') === OCI_INDEX;
      if (!isIndex && page === 0) {
        const tagged = await this.#tagged(reference, subject.replace(':', '-'), signal);
        return tagged?.kind === 'index' ? tagged.manifests : [];
      }
      const what = `referrers of "${repositoryName(reference)}@${subject}"`;
      if (!isIndex) throw refusalOf(what, this.#asked(endpoint), response);
      const document = parseManifest(response.bytes, OCI_INDEX, what);
      if (document.kind === 'index') found.push(...document.manifests);
      url = nextPage(headerOf(response, 'link'), url);
    }
    return found;
  }

  /**
   * A layer that the registry may not distribute, from the addresses in its descriptor (image-spec descriptor.md, urls).
   * These addresses belong to other parties and get no credentials (CVE-2020-15157).
   */
  async #openForeign(descriptor: Descriptor, urls: readonly string[], { offset = 0, signal }: OpenBlobOptions): Promise<Readable> {
    let failure: unknown;
    for (const url of urls) {
      signal?.throwIfAborted();
      try {
        return await this.#http.openUrl(url, { size: descriptor.size, offset, ...(signal === undefined ? {} : { signal }) });
      } catch (error) {
        signal?.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }

  async #openBlob(reference: ImageReference, descriptor: Descriptor, options: OpenBlobOptions): Promise<Readable> {
    const endpoint = endpointOf(reference.domain, this.#mirrors);
    const url = addressOf(endpoint, reference, 'blobs', descriptor.digest);
    const repository = `${endpoint.prefix}${reference.repository}`;
    return this.#http.resume(
      url,
      { ...options, size: descriptor.size },
      (headers, signal) => this.#clientFor(reference).request({ url, repository, headers, signal }),
      (response) => refusal(`blob "${descriptor.digest}" of "${repositoryName(reference)}"`, this.#asked(endpoint), response),
    );
  }

  /** A checked manifest or index by tag or digest. */
  async #document(reference: ImageReference, name: string, signal: AbortSignal | undefined): Promise<ManifestDocument> {
    const kept = isDigest(name) ? this.#kept.get(name) : undefined;
    if (kept !== undefined) return kept;
    const what = `"${repositoryName(reference)}${name.includes(':') ? '@' : ':'}${name}"`;
    const response = await this.#fetchDocument(reference, name, what, signal);
    if (response.status !== 200) throw refusalOf(what, this.#asked(endpointOf(reference.domain, this.#mirrors)), response);

    const digest = digestOf(response.bytes);
    if (name.includes(':')) {
      if (digest !== name) throw new DigestMismatchError(what, { digest: name }, { digest, size: response.bytes.byteLength });
    } else this.#compareAnnounced(what, response, digest);

    const document = parseManifest(response.bytes, headerOf(response, 'content-type'), what);
    if (this.#keptBytes + document.bytes.byteLength <= KEPT_DOCUMENT_BYTES) {
      this.#kept.set(digest, document);
      this.#keptBytes += document.bytes.byteLength;
    }
    return document;
  }

  async #fetchDocument(reference: ImageReference, name: string, what: string, signal: AbortSignal | undefined): Promise<WholeResponse> {
    const endpoint = endpointOf(reference.domain, this.#mirrors);
    const url = addressOf(endpoint, reference, 'manifests', name);
    const repository = `${endpoint.prefix}${reference.repository}`;
    try {
      const headers = { accept: MANIFEST_ACCEPT };
      return await this.#clientFor(reference).requestWhole({ url, repository, headers, signal }, MANIFEST_SIZE_LIMIT);
    } catch (error) {
      if (!hasCode(error, 'LIMIT_EXCEEDED')) throw error;
      throw new CaissonError('IMAGE_UNSUPPORTED', `Cannot use ${what}: its manifest is larger than 4 MiB`, { cause: error });
    }
  }

  /** Warns when a registry announces another digest for a tag than the bytes have; the digest of the bytes counts. */
  #compareAnnounced(what: string, response: WholeResponse, digest: Digest): void {
    const announced = headerOf(response, 'docker-content-digest');
    if (announced === undefined || announced === digest || !announced.startsWith('sha256:')) return;
    this.#emit({ type: 'warning', message: `The registry announces ${announced} for ${what}, but what it sends has ${digest}` });
  }

  /** The platform that an image's configuration names (image-spec config.md). */
  async #configPlatform(reference: ImageReference, config: Descriptor, signal: AbortSignal | undefined): Promise<Platform | undefined> {
    if (config.size > CONFIG_SIZE_LIMIT) return undefined;
    const kept = this.#configs.get(config.digest);
    if (kept !== undefined) return platformOfConfig(await kept);
    const reading = this.#readConfig(reference, config, signal);
    if (this.#configBytes + config.size > KEPT_CONFIG_BYTES) return platformOfConfig(await reading);
    this.#configs.set(config.digest, reading);
    this.#configBytes += config.size;
    try {
      return platformOfConfig(await reading);
    } catch (error) {
      void this.#takeConfig(config);
      throw error;
    }
  }

  async #readConfig(reference: ImageReference, config: Descriptor, signal: AbortSignal | undefined): Promise<Buffer> {
    return readConfig(await this.#openBlob(reference, config, signal === undefined ? {} : { signal }), config);
  }

  /** Gives a configuration that was kept, and keeps it no longer: the bundle takes it once. */
  #takeConfig({ digest, size }: Descriptor): Promise<Buffer> | undefined {
    const kept = this.#configs.get(digest);
    if (this.#configs.delete(digest)) this.#configBytes -= size;
    return kept;
  }

  #asked({ origin }: Endpoint): AskedRegistry {
    return { origin, findCredentials: this.#findCredentials };
  }

  #clientFor(reference: ImageReference): RegistryClient {
    const known = this.#clients.get(reference.domain);
    if (known !== undefined) return known;
    const client = new RegistryClient(endpointOf(reference.domain, this.#mirrors), {
      http: this.#http,
      findCredentials: this.#findCredentials,
      clock: this.#clock,
    });
    this.#clients.set(reference.domain, client);
    return client;
  }
}

/** The next page of a list (RFC 8288), on the same server. */
function nextPage(link: string | undefined, url: string): string | undefined {
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(link ?? '') ?? [];
  if (target === undefined || !URL.canParse(target, url)) return undefined;
  const next = new URL(target, url);
  return next.origin === new URL(url).origin ? next.href : undefined;
}

/** The name to ask for a manifest by: the digest when the reference has one, else the tag. */
function nameOf(reference: ImageReference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}
