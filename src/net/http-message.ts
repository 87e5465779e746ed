import type { Readable } from 'node:stream';

/** A body of known size that is not held in memory. */
export interface StreamedBody {
  readonly size: number;
  /** Called anew for each attempt; the stream gives exactly `size` bytes, and its own CaissonErrors come through. */
  open(): Promise<Readable>;
}

export interface HttpRequest {
  /** Absolute, http or https. */
  readonly url: string;
  /** GET by default; only GET and HEAD follow redirects. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  readonly headers?: Readonly<Record<string, string>>;
  /** Authorization header by origin (https://host:port). It is sent to that origin only, also after redirects. */
  readonly authorization?: ReadonlyMap<string, string>;
  readonly body?: string | Uint8Array | StreamedBody;
  /**
   * True for a request that must not be repeated: 408, 429 and 5xx are returned, and the FetchError of a broken
   * connection is transient.
   */
  readonly once?: boolean;
  /** How long the answer may take once everything is sent; the client's stall timeout by default. */
  readonly answerTimeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Bytes as sent, never decoded. Fails with a transient FetchError when the connection breaks. Read or destroy it. */
  readonly body: Readable;
  /** The address that answered, after redirects. */
  readonly url: string;
}

/** A response with its whole body. */
export type WholeResponse = Omit<HttpResponse, 'body'> & { readonly bytes: Buffer };
