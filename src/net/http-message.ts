import type { Readable } from 'node:stream';

export interface HttpRequest {
  /** Absolute, http or https. */
  readonly url: string;
  /** GET by default; only GET and HEAD follow redirects. */
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Authorization header by origin (https://host:port): no other origin ever sees it, whoever redirects there. */
  readonly authorization?: ReadonlyMap<string, string>;
  readonly body?: string;
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
