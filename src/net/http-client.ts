import { Readable } from 'node:stream';
import { request as send } from 'undici';
import { CaissonError, silent, systemClock, type Clock, type Emit } from '../core/index.ts';
import { limitExceeded, readLimited, retry, sleep } from '../io/index.ts';
import { discard, readStart } from './discard.ts';
import { createDispatchers, type Dispatchers, type Environment } from './dispatchers.ts';
import { describeConnectionError, type ConnectionProblem } from './connection-problem.ts';
import { FetchError, printableUrl } from './fetch-error.ts';
import { HostFaults } from './host-faults.ts';
import type { HttpRequest, HttpResponse, WholeResponse } from './http-message.ts';
import { describeRateLimit } from './rate-limit.ts';
import { contentRange, headerOf, rangeHeader, startOfBody } from './range.ts';
import { redirectTarget, webUrl } from './redirects.ts';
import { resumingStream } from './resuming-stream.ts';
import { retryAfterMs } from './retry-after.ts';
import { translated } from './translated-body.ts';

export interface HttpClientOptions {
  /** Where HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY are looked up. None by default. */
  readonly env?: Environment;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly ca?: readonly string[];
  /** Certificates with their keys (PEM) by host, with its port if the address has one, for servers that ask for one. */
  readonly clientCertificates?: ReadonlyMap<string, string>;
  /** Addresses to connect to by host name, whatever these names resolve to. Certificates must be of the names all the same. */
  readonly addresses?: ReadonlyMap<string, string>;
  readonly emit?: Emit;
  readonly clock?: Clock;
  /** Milliseconds after which a connection without traffic is closed; 60 000 by default. The whole transfer has no limit. */
  readonly stallTimeoutMs?: number;
  /** The longest wait that a server may ask for by Retry-After; 2 minutes by default. */
  readonly longestWaitMs?: number;
  /** Waits before the second attempt, the third …; their number sets the number of attempts. */
  readonly retryDelaysMs?: readonly number[];
  /**
   * Milliseconds for which a host that could not be reached, after all attempts of one request, is not asked again: other
   * requests to it fail at once with the same error. Without end by default, for the life of this client.
   */
  readonly hostFaultMs?: number;
  /** For tests. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

export interface FetchFileOptions {
  /** Bytes; more is refused with LIMIT_EXCEEDED. */
  readonly limit: number;
  /** As in HttpRequest. */
  readonly authorization?: ReadonlyMap<string, string>;
  readonly signal?: AbortSignal;
}

export interface OpenUrlOptions {
  readonly offset?: number;
  readonly size?: number;
  /** As in HttpRequest. */
  readonly authorization?: ReadonlyMap<string, string>;
  readonly signal?: AbortSignal;
}

const MAX_REDIRECTS = 10;
const ERROR_PAGE_LIMIT = 64 * 1024;
const RATE_LIMIT_PAGE = 4 * 1024;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * The HTTP client of the building side. Certificates are always checked, redirects followed without carrying
 * credentials to another origin, overload and broken connections retried as the server asks.
 */
export class HttpClient {
  readonly #dispatchers: Dispatchers;
  readonly #faults: HostFaults;
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #stallTimeoutMs: number;
  readonly #longestWaitMs: number;
  readonly #retryDelaysMs: readonly number[];
  readonly #sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;

  constructor(options: HttpClientOptions = {}) {
    this.#emit = options.emit ?? silent;
    this.#clock = options.clock ?? systemClock;
    this.#stallTimeoutMs = options.stallTimeoutMs ?? 60_000;
    this.#longestWaitMs = options.longestWaitMs ?? 120_000;
    this.#retryDelaysMs = options.retryDelaysMs ?? [500, 2000, 6000];
    this.#sleep = options.sleep ?? sleep;
    this.#faults = new HostFaults(this.#clock, options.hostFaultMs ?? Infinity);
    this.#dispatchers = createDispatchers({
      env: options.env ?? {},
      ca: options.ca ?? [],
      clientCertificates: options.clientCertificates ?? new Map(),
      addresses: options.addresses,
      connectTimeoutMs: Math.min(this.#stallTimeoutMs, 30_000),
    });
  }

  /**
   * Sends a request and returns once the headers are there. Any status comes back as a response, after 408, 429 and 5xx
   * were retried; connection errors that persist are FETCH_FAILED, a wait longer than allowed is RATE_LIMITED. A host that
   * could not be reached before is not asked: see hostFaultMs.
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    if (request.once === true) return this.#follow(request);
    const what = `${request.method ?? 'GET'} ${printableUrl(request.url)}`;
    const mark = this.#faults.mark();
    const operation = async (attempt: number): Promise<HttpResponse> => {
      const response = await this.#follow(request);
      if (!isBusy(response.status)) return response;
      const askedMs = await this.askedWait(response);
      if (attempt > this.#retryDelaysMs.length) {
        if (response.status === 429) throw await this.#rateLimited(response, askedMs);
        return response;
      }
      discard(response.body);
      throw new BusyServer(response.status, askedMs);
    };
    try {
      return await this.#retry(what, operation, request.signal, (error) =>
        error instanceof BusyServer ? { askedMs: error.askedMs } : undefined,
      );
    } catch (error) {
      throw error instanceof FetchError ? this.#faults.judge(error.asFinal(), mark) : error;
    }
  }

  /** Sends a request and reads a body of up to `limit` bytes, again when it breaks off. Throws LIMIT_EXCEEDED. */
  async requestWhole(request: HttpRequest, limit: number): Promise<WholeResponse> {
    const what = `"${printableUrl(request.url)}"`;
    return this.#retry(
      what,
      async () => {
        const { body, ...response } = await this.request(request);
        // Of an error page only the start is read, for the message.
        if (response.status >= 400) return { ...response, bytes: await readStart(body, ERROR_PAGE_LIMIT) };
        if (Number(headerOf(response, 'content-length') ?? 0) > limit) {
          body.destroy();
          throw limitExceeded(what, limit);
        }
        return { ...response, bytes: await readLimited(body, limit, what) };
      },
      request.signal,
    );
  }

  /** Reads a file of up to `limit` bytes; undefined when the server does not have it. A bound function, to be passed on. */
  readonly fetchFile = async (url: string, options: FetchFileOptions): Promise<Buffer | undefined> => {
    const { status, bytes } = await this.requestWhole({ url, signal: options.signal, ...authorizationIn(options) }, options.limit);
    if (status === 404 || status === 410) return undefined;
    if (status !== 200) throw new FetchError(url, `the server answered ${status}`, { status });
    return bytes;
  };

  /**
   * Asks for the number of bytes of a file; undefined when the server does not say it, or does not answer the question. The
   * request for the bytes tells why.
   */
  async sizeOf(url: string, options: Pick<OpenUrlOptions, 'authorization' | 'signal'> = {}): Promise<number | undefined> {
    const response = await this.request({ url, method: 'HEAD', signal: options.signal, ...authorizationIn(options) });
    discard(response.body);
    const [size, encoding = 'identity'] = ['content-length', 'content-encoding'].map((name) => headerOf(response, name));
    return response.status === 200 && encoding === 'identity' && /^\d{1,15}$/.test(size ?? '') ? Number(size) : undefined;
  }

  /**
   * Streams the bytes of a file from `offset` on, going on by itself where a connection broke: only with a 206 that begins
   * there. A server that sends anything else is asked for the whole, of which the first bytes are dropped. The reader must
   * check a digest. Throws FETCH_FAILED for any other status than 200 and 206.
   */
  async openUrl(url: string, options: OpenUrlOptions = {}): Promise<Readable> {
    return this.resume(url, options, (headers, signal) => this.request({ url, headers, signal, ...authorizationIn(options) }));
  }

  /**
   * As openUrl, for callers that send their own requests: `ask` is called for each part with the headers to send.
   * `explain` turns an answer without content into the error to throw.
   */
  async resume(
    url: string,
    options: OpenUrlOptions,
    ask: (headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<HttpResponse>,
    explain: (response: HttpResponse) => Promise<Error> = async (response) => statusError(url, response),
  ): Promise<Readable> {
    return resumingStream(
      async (offset, signal) => {
        let response = await ask(rangeHeader(offset), signal);
        let startsAt = startOfBody(response, offset, options.size);
        if (startsAt === 'elsewhere' && offset > 0) {
          response.body.destroy();
          response = await ask(rangeHeader(0), signal);
          startsAt = startOfBody(response, 0, options.size);
        }
        if (startsAt === undefined) throw await explain(response);
        if (startsAt !== 'elsewhere') return { body: response.body, startsAt };
        response.body.destroy();
        throw new FetchError(response.url, `asked for all bytes, the server sent "${contentRange(response)}"`, { status: response.status });
      },
      { ...options, url: printableUrl(url), emit: this.#emit, sleep: this.#sleep, delaysMs: this.#retryDelaysMs },
    );
  }

  /** Ends all connections; streams still open fail. */
  async close(): Promise<void> {
    await this.#dispatchers.close();
  }

  async #retry<T>(
    what: string,
    operation: (attempt: number) => Promise<T>,
    signal: AbortSignal | undefined,
    busy: (error: unknown) => { askedMs: number | undefined } | undefined = () => undefined,
  ): Promise<T> {
    return retry(operation, {
      what,
      attempts: this.#retryDelaysMs.length + 1,
      delaysMs: this.#retryDelaysMs,
      isTransient: (error) => busy(error) !== undefined || (error instanceof FetchError && error.transient),
      askedDelayMs: (error) => busy(error)?.askedMs,
      emit: this.#emit,
      signal,
      sleep: this.#sleep,
    });
  }

  /** One attempt, redirects included, always from the first address on: signed addresses expire. */
  async #follow(request: HttpRequest): Promise<HttpResponse> {
    let url = webUrl(request.url);
    for (let hops = 0; ; hops += 1) {
      const response = await this.#send(url, request);
      const location = headerOf(response, 'location');
      if (!REDIRECTS.has(response.status) || location === undefined || !isReading(request)) return response;
      discard(response.body);
      if (hops >= MAX_REDIRECTS) throw new FetchError(request.url, `more than ${MAX_REDIRECTS} redirects`, { status: response.status });
      url = redirectTarget(url, location);
    }
  }

  async #send(url: URL, request: HttpRequest): Promise<HttpResponse> {
    this.#faults.check(url);
    const authorization = request.authorization?.get(url.origin);
    const { dispatcher, proxy, variable } = this.#dispatchers.for(url);
    const fail = ({ reason, hint, transient, blames }: ConnectionProblem, cause?: unknown): FetchError =>
      new FetchError(url, reason, {
        action: isReading(request) ? 'fetch' : 'send to',
        transient,
        ...(blames === undefined ? {} : { blames }),
        ...(cause === undefined ? {} : { cause }),
        ...(hint === undefined ? {} : { hint }),
      });
    const translate = (error: unknown): unknown => {
      if (request.signal?.aborted === true) return request.signal.reason;
      if (error instanceof CaissonError) return error;
      return fail(describeConnectionError(error, { url, stallTimeoutMs: this.#stallTimeoutMs, proxy, variable }), error);
    };
    const body = await bodyOf(request);
    try {
      const response = await send(url, {
        dispatcher,
        method: request.method ?? 'GET',
        headers: {
          'user-agent': 'caisson',
          // Blobs must arrive as stored; a decoded layer would have another digest.
          'accept-encoding': 'identity',
          ...request.headers,
          ...body.headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
        // Keeps the connection after HEAD, too: a thousand HEAD requests would need a thousand handshakes.
        ...(request.method === 'HEAD' ? { reset: false } : {}),
        headersTimeout: request.answerTimeoutMs ?? this.#stallTimeoutMs,
        bodyTimeout: this.#stallTimeoutMs,
        ...(body.content === undefined ? {} : { body: body.content }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const arrived = (): void => this.#faults.answered(url);
      arrived();
      const bodyBytes = translated(response.body, translate, arrived);
      return { status: response.statusCode, headers: response.headers, body: bodyBytes, url: url.href };
    } catch (error) {
      if (body.content instanceof Readable) body.content.destroy();
      throw translate(error);
    }
  }

  /** The wait in milliseconds that an answer asks for by Retry-After. Throws RATE_LIMITED when it is longer than allowed. */
  async askedWait(response: HttpResponse): Promise<number | undefined> {
    const asked = retryAfterMs(headerOf(response, 'retry-after'), this.#clock.now());
    if (asked !== undefined && asked > this.#longestWaitMs) throw await this.#rateLimited(response, asked);
    return asked;
  }

  async #rateLimited(response: HttpResponse, askedMs: number | undefined): Promise<FetchError> {
    const body = await readStart(response.body, RATE_LIMIT_PAGE).catch(() => Buffer.alloc(0));
    return new FetchError(response.url, describeRateLimit(response, body, askedMs, this.#clock.now()), {
      code: 'RATE_LIMITED',
      status: response.status,
      hint: `Run the same command again then: what has arrived is kept. Or use a mirror: --mirror ${new URL(response.url).host}=URL`,
    });
  }
}

const BUSY: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504, 522]);

/** True for answers that mean: not now. */
export function isBusy(status: number): boolean {
  return BUSY.has(status);
}

function authorizationIn({ authorization }: Pick<HttpRequest, 'authorization'>): Pick<HttpRequest, 'authorization'> {
  return authorization === undefined ? {} : { authorization };
}

function isReading({ method }: HttpRequest): boolean {
  return method === undefined || method === 'GET' || method === 'HEAD';
}

/** The body as undici takes it; the length of a stream must be announced. */
async function bodyOf({
  body,
}: HttpRequest): Promise<{ headers: Readonly<Record<string, string>>; content?: string | Uint8Array | Readable }> {
  if (body === undefined) return { headers: {} };
  if (typeof body === 'string' || body instanceof Uint8Array) return { headers: {}, content: body };
  return { headers: { 'content-length': String(body.size) }, content: await body.open() };
}

/** An answer that means: not now. Only ever seen by retry. */
class BusyServer extends Error {
  readonly askedMs: number | undefined;
  constructor(status: number, askedMs: number | undefined) {
    super(`the server answered ${status}`);
    this.askedMs = askedMs;
  }
}

function statusError(url: string, response: HttpResponse): FetchError {
  response.body.destroy();
  return new FetchError(url, `the server answered ${response.status}`, { status: response.status });
}
