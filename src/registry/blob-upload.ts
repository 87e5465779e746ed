import { silent, type Emit } from '../core/index.ts';
import { discard, FetchError, headerOf, isBusy, type HttpClient, type HttpResponse } from '../net/index.ts';
import type { BlobContent, CheckedContent } from './checked-content.ts';
import type { RegistryClient, RegistryRequest } from './registry-client.ts';
import { pushRefusal, RegistryError, type AskedRegistry } from './registry-error.ts';
import { commitAddress, uploadAddress } from './upload-address.ts';

/** An upload that the registry has begun. */
export interface UploadSession {
  readonly location: string;
  /** The shortest chunk that the registry takes, except for the last (OCI-Chunk-Min-Length). */
  readonly shortestChunk: number;
}

export interface BlobUploadOptions {
  readonly client: RegistryClient;
  readonly http: Pick<HttpClient, 'askedWait'>;
  /** The registry, as refusals name it. */
  readonly registry: AskedRegistry;
  readonly repository: string;
  /** Asks whether the blob has arrived after all, when the answer to the last request was lost. */
  readonly hasArrived: () => Promise<boolean>;
  readonly onProgress: (position: number) => void;
  readonly chunkSize: number;
  /** Milliseconds to wait after each break without progress; after the last wait a break is final. */
  readonly delaysMs: readonly number[];
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly emit?: Emit;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Result of an upload: done, or lost by the registry, so that it must start anew. `refused` is true when the registry
 * refused a part, and false when it did not know the upload while asked for its position.
 */
export type UploadOutcome = { readonly done: true } | { readonly done: false; readonly error: RegistryError; readonly refused: boolean };

/** A break, after which the registry is asked how far it got. */
interface Break {
  readonly error: Error;
  readonly askedMs: number | undefined;
}

/** Smaller blobs go with the request that ends the upload, from memory. */
const SMALL_BLOB = 1024 * 1024;
/** A break after this many bytes does not count against the attempts: the upload gets on. */
const PROGRESS = 1024 * 1024;
/** Milliseconds for the answer to the last request: before it the registry hashes or copies the whole blob. */
const COMMIT_TIMEOUT_MS = 15 * 60_000;
/** Answers of a registry that does not know this upload, or not in this form, any more. */
const LOST: ReadonlySet<number> = new Set([400, 404, 405, 410, 411, 501]);
const OTHER_PLACE = 416;

/**
 * Sends one blob into one upload session (distribution-spec v1.1, Pushing a blob in chunks): PATCH by PATCH, then PUT
 * with the digest. When the connection breaks, or the registry is busy, it asks how far the registry got and goes on
 * there. (distribution, and Harbor with it, keeps the received part of a broken chunk and then refuses the upload: the
 * upload starts anew.)
 */
export class BlobUpload {
  readonly #options: BlobUploadOptions;
  readonly #blob: BlobContent;
  readonly #content: CheckedContent;
  readonly #session: UploadSession;
  #location: string;
  /** Bytes that the registry has confirmed. */
  #position = 0;
  #small: Buffer | undefined;

  constructor(session: UploadSession, blob: BlobContent, content: CheckedContent, options: BlobUploadOptions) {
    this.#session = session;
    this.#location = session.location;
    this.#blob = blob;
    this.#content = content;
    this.#options = options;
  }

  /** Throws AUTH_FAILED, PUSH_REFUSED, RATE_LIMITED, FETCH_FAILED, and DigestMismatchError for a blob that is damaged here. */
  async run(): Promise<UploadOutcome> {
    const { size } = this.#blob;
    if (size <= SMALL_BLOB) this.#small = await this.#content.whole();
    let breaks = 0;
    let lastBreakAt = 0;
    for (;;) {
      const isLast = this.#small !== undefined || this.#position >= size;
      const step = await this.#attempt(() => (isLast ? this.#commit() : this.#sendChunk()));
      if (step === undefined) continue;
      if ('done' in step) return step;
      if (this.#position - lastBreakAt >= PROGRESS) breaks = 0;
      lastBreakAt = this.#position;
      const delayMs = this.#options.delaysMs[breaks];
      breaks += 1;
      if (delayMs === undefined) throw step.error instanceof FetchError ? step.error.asFinal() : step.error;
      await this.#pause(step, breaks, Math.max(delayMs, step.askedMs ?? 0));
      if (isLast && (await this.#options.hasArrived())) return { done: true };
      const before = this.#position;
      const lost = await this.#findPosition();
      if (lost !== undefined) return lost;
      if (step.error instanceof RegistryError && step.error.status === OTHER_PLACE && this.#position === before) {
        return { done: false, error: step.error, refused: true };
      }
    }
  }

  async #attempt(send: () => Promise<UploadOutcome | Break | undefined>): Promise<UploadOutcome | Break | undefined> {
    try {
      return await send();
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (error instanceof FetchError && error.transient) return { error, askedMs: undefined };
      throw error;
    }
  }

  async #sendChunk(): Promise<UploadOutcome | Break | undefined> {
    const start = this.#position;
    const end = Math.min(this.#blob.size, start + Math.max(this.#options.chunkSize, this.#session.shortestChunk));
    const isWhole = start === 0 && end === this.#blob.size;
    const response = await this.#send({
      url: this.#location,
      method: 'PATCH',
      headers: {
        'content-type': 'application/octet-stream',
        // All at once is the streamed upload, which registries without chunks know, too.
        ...(isWhole ? {} : { 'content-range': `${start}-${end - 1}` }),
      },
      body: this.#content.part(start, end),
    });
    if (response.status !== 202 && response.status !== 201 && response.status !== 204) return this.#judge(response);
    discard(response.body);
    const confirmed = confirmedBytes(response) ?? end;
    if (confirmed <= start || confirmed > end) {
      const reason = `it was sent bytes ${start} to ${end} and says it has ${confirmed}`;
      return { error: new FetchError(response.url, reason, { action: 'send to' }), askedMs: undefined };
    }
    this.#moveTo(confirmed, response);
    return undefined;
  }

  async #commit(): Promise<UploadOutcome | Break> {
    this.#content.check();
    const response = await this.#send({
      url: commitAddress(this.#location, this.#blob.digest),
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: this.#small ?? '',
      answerTimeoutMs: COMMIT_TIMEOUT_MS,
    });
    if (response.status !== 201 && response.status !== 204) return this.#judge(response);
    discard(response.body);
    this.#options.onProgress(this.#blob.size);
    return { done: true };
  }

  /** Turns an unexpected answer into the end of the upload or into a break. */
  async #judge(response: HttpResponse): Promise<UploadOutcome | Break> {
    const askedMs = isBusy(response.status) ? await this.#options.http.askedWait(response) : undefined;
    const error = await pushRefusal(`blob "${this.#blob.digest}" to "${this.#options.repository}"`, this.#options.registry, response);
    if (isBusy(response.status)) return { error, askedMs };
    // The registry is at another place than we think; it may well say at which.
    if (response.status === OTHER_PLACE) return { error, askedMs: undefined };
    if (LOST.has(response.status)) return { done: false, error, refused: true };
    throw error;
  }

  /** Goes to where the registry says it is; the outcome when it does not know the upload any more. */
  async #findPosition(): Promise<UploadOutcome | undefined> {
    // From memory it is sent again from the start, in a new session.
    const response = await this.#send({ url: this.#location, once: false });
    const confirmed = confirmedBytes(response) ?? 0;
    const isThere = response.status === 204 || response.status === 202 || response.status === 200;
    if (isThere && confirmed <= this.#content.position && (this.#small === undefined || confirmed === 0)) {
      discard(response.body);
      this.#moveTo(confirmed, response);
      return undefined;
    }
    const error = await pushRefusal(`blob "${this.#blob.digest}" to "${this.#options.repository}"`, this.#options.registry, response);
    if (!isThere && !LOST.has(response.status) && response.status !== OTHER_PLACE) throw error;
    return { done: false, error, refused: false };
  }

  #moveTo(position: number, response: HttpResponse): void {
    if (headerOf(response, 'location') !== undefined) this.#location = uploadAddress(response);
    this.#position = position;
    this.#options.onProgress(position);
  }

  async #send(request: Omit<RegistryRequest, 'repository'>): Promise<HttpResponse> {
    const { client, repository, signal } = this.#options;
    return client.request({ once: true, ...request, repository, access: 'pull,push', signal });
  }

  async #pause({ error }: Break, attempt: number, delayMs: number): Promise<void> {
    const { emit = silent, signal, sleep } = this.#options;
    emit({ type: 'retry', what: `blob ${this.#blob.digest}`, reason: error.message, attempt, delayMs });
    await sleep(delayMs, signal);
  }
}

/** The number of bytes that a Range header of the form 0-N confirms; 0-0 stands for none, too. Undefined without one. */
function confirmedBytes(response: HttpResponse): number | undefined {
  const last = /^(?:bytes[= ])?0-(\d{1,15})$/.exec((headerOf(response, 'range') ?? '').trim())?.[1];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}
