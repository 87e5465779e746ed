import type { Readable } from 'node:stream';

/** One request, as a handler sees it. A body, if any, is drained by the listener and never reaches a handler. */
export interface HttpRequest {
  readonly method: string;
  /** Path as it came: still percent-encoded, without the query. Handlers decode it once (decodePath). */
  readonly path: string;
  /** Must not be changed: requests without a query share one object. */
  readonly query: URLSearchParams;
  /** True when the connection is TLS. */
  readonly secure: boolean;
  /** Organizations (O) in the subject of the client's certificate; empty for a client without one. */
  readonly clientOrganizations: readonly string[];
  /** A header by its lower-case name; repeated ones joined with a comma. */
  header(name: string): string | undefined;
}

/** Bytes that are opened when they are sent. `open` must give exactly `size` bytes. */
export interface StreamBody {
  readonly size: number;
  open(): Promise<Readable>;
}

export type ResponseBody = string | Uint8Array | StreamBody;

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Content-Length follows from it; the listener leaves the bytes out for HEAD. */
  readonly body?: ResponseBody;
  /** The name of this kind of request in metrics. */
  readonly route?: string;
}

export type Handler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** Size of a body in bytes. */
export function bodySize(body: ResponseBody): number {
  if (typeof body === 'string') return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.byteLength : body.size;
}

/** A short text answer for people and logs. */
export function textResponse(status: number, text: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${text}\n` };
}

export function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
