import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { errnoOf, messageOf } from '../core/index.ts';
import { readLimited } from '../io/index.ts';
import { tlsReason } from './tls-reason.ts';

const MAX_JSON_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;
const DEFAULT_TIMEOUT_MS = 10_000;

export interface RequestOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** A unix socket to connect to; the host of the URL is only a name then. */
  readonly socketPath?: string;
  /** PEM text of the only authority that is trusted for an https address; the system's when not given. */
  readonly authority?: string;
  /** PEM texts by which the other side knows who asks. The connection is TLS 1.3 then, where `oldest` does not allow an older one. */
  readonly client?: { readonly certificate: string; readonly key: string; readonly oldest?: 'TLSv1.2' };
  /** For the whole answer; 10 s when not given. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** A request without a usable answer. The message is a reason in plain words, without the address. */
export class RequestFailedError extends Error {
  override readonly name = 'RequestFailedError';
  /** The errno code (ECONNREFUSED …) where there is one. */
  readonly code: string | undefined;
  readonly timedOut: boolean;
  /** The reason in a word or a short sentence, for tables. */
  readonly brief: string;

  constructor(cause: unknown, timeoutMs?: number) {
    const timedOut = timeoutMs !== undefined;
    const tls = tlsReason(cause);
    const code = errnoOf(cause);
    // When all of several addresses fail, the error has no message of its own.
    const reason = timedOut ? `no answer within ${timeoutMs / 1000} s` : (tls ?? (messageOf(cause) || code) ?? 'no connection');
    super(reason, { cause });
    this.code = code;
    this.timedOut = timedOut;
    this.brief = timedOut ? reason : (tls ?? code ?? reason);
  }
}

/**
 * Sends one request on a connection of its own and gives what `read` makes of the answer; what `read` leaves of it is
 * cut. Follows no redirects. Throws RequestFailedError, and the signal's reason when that aborts.
 */
export async function request<T>(url: string, options: RequestOptions, read: (response: IncomingMessage) => Promise<T>): Promise<T> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(timeoutMs);
  const outgoing = open(new URL(url), options, AbortSignal.any([signal, timeout]));
  try {
    return await read(await responseTo(outgoing));
  } catch (error) {
    signal.throwIfAborted();
    throw new RequestFailedError(error, timeout.aborted ? timeoutMs : undefined);
  } finally {
    outgoing.destroy();
  }
}

/** Asks for a small JSON document. Throws RequestFailedError for anything but status 200 with JSON of at most 1 MiB. */
export async function getJson(url: string, options: RequestOptions): Promise<unknown> {
  return request(url, { ...options, headers: { accept: 'application/json', ...options.headers } }, async (response) => {
    const bytes = await readLimited(response, MAX_JSON_BYTES, 'the answer');
    if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode ?? 0}`);
    try {
      return JSON.parse(bytes.toString('utf8')) as unknown;
    } catch (cause) {
      throw new Error('its answer is not JSON', { cause });
    }
  });
}

function open(url: URL, options: RequestOptions, signal: AbortSignal): ClientRequest {
  const { method = 'GET', headers = {}, socketPath, authority, client } = options;
  return (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method,
    headers: { ...headers },
    // An idle connection that is kept says nothing about whether a new client gets in.
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal,
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(authority === undefined ? {} : { ca: authority }),
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key, minVersion: client.oldest ?? ('TLSv1.3' as const) }),
  });
}

async function responseTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end();
  });
}
