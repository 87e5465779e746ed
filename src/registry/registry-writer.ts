import { CaissonError, digestOf, hasCode, isDigest, silent, systemClock, type Clock, type Digest, type Emit } from '../core/index.ts';
import { sleep } from '../io/index.ts';
import { discard, headerOf, type HttpClient, type HttpResponse } from '../net/index.ts';
import { MANIFEST_ACCEPT, MANIFEST_SIZE_LIMIT, type Descriptor } from '../oci/index.ts';
import { BlobUpload, type UploadSession } from './blob-upload.ts';
import { CheckedContent, type BlobContent } from './checked-content.ts';
import { anonymous, type FindCredentials } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { RegistryClient, type RegistryRequest } from './registry-client.ts';
import { pushRefusal, type RegistryError } from './registry-error.ts';
import { uploadAddress } from './upload-address.ts';

export interface RegistryWriterOptions {
  /** Stays the caller's to close. */
  readonly http: HttpClient;
  readonly findCredentials?: FindCredentials;
  readonly clock?: Clock;
  readonly emit?: Emit;
  /** Bytes of a large blob in one request; 16 MiB by default. */
  readonly chunkSize?: number;
  /** Waits after a break without progress; their number sets the number of attempts. */
  readonly retryDelaysMs?: readonly number[];
  /** For tests. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** The blob is there now, or an upload was begun instead; undefined when the registry does not mount at all. */
export type MountResult = 'mounted' | UploadSession | undefined;

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
}

const CHUNK_SIZE = 16 * 1024 * 1024;
/** Most upload sessions for one blob. */
const MOST_SESSIONS = 8;
const ACCESS = 'pull,push';

/**
 * Pushes to one registry (distribution-spec v1.1, Push). Every method throws AUTH_FAILED, PUSH_REFUSED, RATE_LIMITED or
 * FETCH_FAILED when the registry refuses a request.
 */
export class RegistryWriter {
  readonly #endpoint: Endpoint;
  readonly #http: HttpClient;
  readonly #client: RegistryClient;
  readonly #options: RegistryWriterOptions;

  constructor(endpoint: Endpoint, options: RegistryWriterOptions) {
    const { http, findCredentials = anonymous, clock = systemClock } = options;
    this.#endpoint = endpoint;
    this.#http = http;
    this.#client = new RegistryClient(endpoint, { http, findCredentials, clock });
    this.#options = options;
  }

  /** host[:port] */
  get host(): string {
    return new URL(this.#endpoint.origin).host;
  }

  /** True when the repository has the blob. */
  async hasBlob(repository: string, blob: Pick<Descriptor, 'digest' | 'size'>, { signal }: WriteOptions = {}): Promise<boolean> {
    const response = await this.#ask({ url: this.#url(repository, `blobs/${blob.digest}`), method: 'HEAD', repository, signal });
    if (response.status === 404) {
      discard(response.body);
      return false;
    }
    if (response.status !== 200) throw await this.#refusal(`blob "${blob.digest}" to "${repository}"`, response);
    discard(response.body);
    const size = headerOf(response, 'content-length');
    return size === undefined || Number(size) === blob.size;
  }

  /** The digest of the manifest that a tag or digest names; undefined when there is none. */
  async findManifest(repository: string, reference: string, { signal }: WriteOptions = {}): Promise<Digest | undefined> {
    const url = this.#url(repository, `manifests/${reference}`);
    const headers = { accept: MANIFEST_ACCEPT };
    const response = await this.#ask({ url, method: 'HEAD', repository, headers, signal });
    if (response.status !== 200 && response.status !== 404) throw await this.#refusal(`"${repository}"`, response);
    discard(response.body);
    if (response.status === 404) return undefined;
    const announced = headerOf(response, 'docker-content-digest') ?? '';
    if (isDigest(announced)) return announced;
    const whole = await this.#client.requestWhole({ url, repository, headers, access: ACCESS, signal }, MANIFEST_SIZE_LIMIT);
    return whole.status === 200 ? digestOf(whole.bytes) : undefined;
  }

  /** Lets a repository share a blob that another one of the registry has. */
  async mountBlob(repository: string, from: string, digest: Digest, { signal }: WriteOptions = {}): Promise<MountResult> {
    const url = `${this.#url(repository, 'blobs/uploads/')}?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
    const response = await this.#ask({ url, method: 'POST', repository, mountFrom: from, signal }).catch((error: unknown) => {
      // A token service may refuse the pair of repositories where it gives each of them.
      if (hasCode(error, 'AUTH_FAILED')) return undefined;
      throw error;
    });
    if (response === undefined) return undefined;
    discard(response.body);
    if (response.status === 201) return 'mounted';
    return response.status === 202 ? sessionOf(response) : undefined;
  }

  /**
   * Uploads a blob and survives broken connections and lost upload sessions; `session` is one that a mount began. Throws
   * DigestMismatchError for content with another digest; the registry then has no blob under the digest.
   */
  async pushBlob(
    repository: string,
    blob: BlobContent,
    options: WriteOptions & { readonly session?: UploadSession | undefined; readonly onProgress?: (position: number) => void } = {},
  ): Promise<void> {
    const { signal, onProgress = () => {} } = options;
    const { chunkSize = CHUNK_SIZE, emit = silent, retryDelaysMs = [500, 2000, 6000], sleep: wait = sleep } = this.#options;
    const content = new CheckedContent(blob);
    let session = options.session;
    let partSize = chunkSize;
    for (let begun = 1; ; begun += 1) {
      session ??= await this.#begin(repository, blob.digest, signal);
      const upload = new BlobUpload(session, blob, content, {
        client: this.#client,
        http: this.#http,
        registry: { origin: this.#endpoint.origin, findCredentials: this.#options.findCredentials },
        repository,
        hasArrived: () => this.hasBlob(repository, blob, { signal }),
        onProgress,
        chunkSize: partSize,
        delaysMs: retryDelaysMs,
        sleep: wait,
        emit,
        signal,
      });
      const outcome = await upload.run();
      if (outcome.done) return;
      if (begun >= MOST_SESSIONS) throw outcome.error;
      // A registry that does not know chunks takes the whole.
      if (outcome.refused) partSize = Infinity;
      const delayMs = retryDelaysMs[Math.min(begun, retryDelaysMs.length) - 1] ?? 0;
      emit({ type: 'retry', what: `blob ${blob.digest}, from its start`, reason: outcome.error.message, attempt: begun, delayMs });
      await wait(delayMs, signal);
      session = undefined;
    }
  }

  /**
   * Stores a manifest or index under a tag or its digest, byte for byte. Throws PUSH_REFUSED, too, when the registry
   * then gives another digest for it.
   */
  async putManifest(
    repository: string,
    reference: string,
    descriptor: Descriptor,
    bytes: Buffer,
    { signal }: WriteOptions = {},
  ): Promise<void> {
    const response = await this.#ask({
      url: this.#url(repository, `manifests/${reference}`),
      method: 'PUT',
      headers: { 'content-type': descriptor.mediaType },
      body: bytes,
      repository,
      signal,
    });
    const what = `"${repository}${reference.includes(':') ? '@' : ':'}${reference}"`;
    if (response.status !== 201 && response.status !== 200 && response.status !== 204) throw await this.#refusal(what, response);
    discard(response.body);
    const announced = headerOf(response, 'docker-content-digest') ?? '';
    const stored = isDigest(announced) ? announced : await this.findManifest(repository, reference, { signal });
    if (stored !== descriptor.digest) {
      throw new CaissonError('PUSH_REFUSED', `Cannot push ${what}: ${this.host} stored ${stored ?? 'nothing'}, want ${descriptor.digest}`, {
        hint: 'The registry, or something before it, changes manifests: digests and signatures of images would not hold there',
      });
    }
  }

  async #begin(repository: string, digest: Digest, signal: AbortSignal | undefined): Promise<UploadSession> {
    const response = await this.#ask({ url: this.#url(repository, 'blobs/uploads/'), method: 'POST', repository, signal });
    if (response.status !== 202) throw await this.#refusal(`blob "${digest}" to "${repository}"`, response);
    discard(response.body);
    return sessionOf(response);
  }

  async #ask(request: RegistryRequest): Promise<HttpResponse> {
    return this.#client.request({ access: ACCESS, ...request });
  }

  async #refusal(what: string, response: HttpResponse): Promise<RegistryError> {
    return pushRefusal(what, { origin: this.#endpoint.origin, findCredentials: this.#options.findCredentials }, response);
  }

  #url(repository: string, rest: string): string {
    return `${this.#endpoint.origin}/v2/${this.#endpoint.prefix}${repository}/${rest}`;
  }
}

function sessionOf(response: HttpResponse): UploadSession {
  const shortest = headerOf(response, 'oci-chunk-min-length') ?? '';
  return { location: uploadAddress(response), shortestChunk: /^\d{1,12}$/.test(shortest) ? Number(shortest) : 0 };
}
