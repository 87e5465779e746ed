import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Digest } from '../../src/core/index.ts';
import { LoopbackUploads } from './loopback-uploads.ts';
import type { SampleDocument } from './sample-image.ts';

export interface RecordedRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/** Answers a request itself and returns true, or leaves it to the registry and returns false. */
export type Intercept = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

export interface LoopbackRegistryOptions {
  /** Requires a token or a password. With `username`, only that user may log in. */
  readonly auth?: { readonly type: 'bearer' | 'basic'; readonly username?: string; readonly password?: string };
}

/**
 * A registry on 127.0.0.1 that answers pulls and pushes as the distribution specification says and records all
 * requests. `intercept` lets a test break single routes.
 */
export class LoopbackRegistry {
  readonly requests: RecordedRequest[] = [];
  intercept: Intercept = () => false;
  /** Headers that are added to every answer. */
  extraHeaders: Record<string, string> = {};
  readonly uploads = new LoopbackUploads((name) => this.#repository(name));
  readonly #options: LoopbackRegistryOptions;
  readonly #repositories = new Map<string, { tags: Map<string, Digest>; blobs: Map<Digest, Buffer>; documents: Map<Digest, string> }>();
  /** Scopes of each token, such as team/app:pull,push. */
  readonly #tokens = new Map<string, readonly string[]>();
  readonly #server = createServer((request, response) => this.#handle(request, response));

  private constructor(options: LoopbackRegistryOptions) {
    this.#options = options;
  }

  static async start(options: LoopbackRegistryOptions = {}): Promise<LoopbackRegistry> {
    const registry = new LoopbackRegistry(options);
    await new Promise<void>((resolve) => {
      registry.#server.listen(0, '127.0.0.1', resolve);
    });
    return registry;
  }

  /** 127.0.0.1:port */
  get host(): string {
    return `127.0.0.1:${this.#address().port}`;
  }

  get origin(): string {
    return `http://${this.host}`;
  }

  put(repository: string, tag: string, document: SampleDocument): void {
    const found = this.#repository(repository);
    found.tags.set(tag, document.descriptor.digest);
    found.blobs.set(document.descriptor.digest, document.bytes);
    for (const [digest, bytes] of document.blobs) found.blobs.set(digest, bytes);
    for (const [digest, mediaType] of document.documents) found.documents.set(digest, mediaType);
  }

  /** Digest that a tag of a repository points to. */
  tagOf(repository: string, tag: string): Digest | undefined {
    return this.#repositories.get(repository)?.tags.get(tag);
  }

  /** The bytes of a blob or document of a repository. */
  contentOf(repository: string, digest: Digest): Buffer | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest);
  }

  /** Makes the registry refuse all tokens that it has issued so far. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** The recorded requests whose path contains a text. */
  asked(part: string): RecordedRequest[] {
    return this.requests.filter(({ url }) => url.includes(part));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #repository(name: string): { tags: Map<string, Digest>; blobs: Map<Digest, Buffer>; documents: Map<Digest, string> } {
    const found = this.#repositories.get(name) ?? { tags: new Map(), blobs: new Map(), documents: new Map() };
    this.#repositories.set(name, found);
    return found;
  }

  #address(): AddressInfo {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The registry does not listen');
    return address;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '/';
    this.requests.push({ method: request.method ?? 'GET', url, headers: request.headers });
    for (const [name, value] of Object.entries(this.extraHeaders)) response.setHeader(name, value);
    const count = this.requests.filter((earlier) => earlier.url === url).length;
    if (this.intercept(request, response, count)) return;
    const { pathname, searchParams } = new URL(url, this.origin);
    if (pathname === '/token') {
      this.#token(request, response, searchParams);
      return;
    }
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(pathname);
    const match = upload ?? /^\/v2\/(?:(.+)\/(manifests|blobs)\/([^/]+))?$/.exec(pathname);
    if (match === null) sendError(response, 404, 'NOT_FOUND');
    else if (!this.#isAllowed(request, match[1])) this.#challenge(response, match[1]);
    else if (match[1] === undefined) response.writeHead(200).end('{}');
    else if (upload !== null || request.method === 'PUT') void this.#push(request, response, match, searchParams);
    else this.#content(request, response, match[1], match[2] ?? '', match[3] ?? '');
  }

  async #push(request: IncomingMessage, response: ServerResponse, match: RegExpExecArray, query: URLSearchParams): Promise<void> {
    const [, name = '', kindOrId = '', reference = ''] = match;
    try {
      if (request.method === 'POST') this.uploads.begin(response, name, query);
      else if (kindOrId === 'manifests') await this.uploads.manifest(request, response, name, reference);
      else await this.uploads.upload(request, response, name, kindOrId, query);
    } catch {
      // The client left.
      response.destroy();
    }
  }

  #content(request: IncomingMessage, response: ServerResponse, name: string, kind: string, reference: string): void {
    const repository = this.#repositories.get(name);
    if (repository === undefined) {
      sendError(response, 404, 'NAME_UNKNOWN');
      return;
    }
    const digest = repository.tags.get(reference) ?? reference;
    const bytes = [...repository.blobs].find(([known]) => known === digest)?.[1];
    const mediaType = [...repository.documents].find(([known]) => known === digest)?.[1];
    if (bytes === undefined || (kind === 'manifests') !== (mediaType !== undefined)) {
      sendError(response, 404, kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN');
      return;
    }
    response.setHeader('docker-content-digest', digest);
    response.setHeader('content-type', mediaType ?? 'application/octet-stream');
    sendRange(request, response, bytes);
  }

  #isAllowed(request: IncomingMessage, repository: string | undefined): boolean {
    const { auth } = this.#options;
    const header = request.headers.authorization ?? '';
    if (auth === undefined) return true;
    if (auth.type === 'basic') return header === this.#basic();
    const allowed = this.#tokens.get(header.replace(/^Bearer /, ''));
    if (allowed === undefined || repository === undefined) return allowed !== undefined;
    const isPull = request.method === 'GET' || request.method === 'HEAD';
    return allowed.some((scope) => scope === `${repository}:pull,push` || (isPull && scope === `${repository}:pull`));
  }

  #challenge(response: ServerResponse, repository: string | undefined): void {
    const scope = repository === undefined ? '' : `,scope="repository:${repository}:pull,push"`;
    const bearer = `Bearer realm="${this.origin}/token",service="${this.host}"${scope}`;
    const own = this.#options.auth?.type === 'basic' ? 'Basic realm="test, with a comma"' : bearer;
    response.setHeader('www-authenticate', ['Negotiate', own]);
    sendError(response, 401, 'UNAUTHORIZED');
  }

  #token(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
    if (this.#options.auth?.username !== undefined && request.headers.authorization !== this.#basic()) {
      sendError(response, 401, 'UNAUTHORIZED');
      return;
    }
    const token = `t${this.requests.length}`;
    this.#tokens.set(
      token,
      query.getAll('scope').map((scope) => scope.replace(/^repository:/, '')),
    );
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ access_token: token, expires_in: 300 }));
  }

  #basic(): string {
    const { username = '', password = '' } = this.#options.auth ?? {};
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }
}

export function sendError(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message: `test says ${code.toLowerCase()}` }] }));
}

/** Sends bytes, or the part that a Range header of the form bytes=N- asks for. */
export function sendRange(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (request.headers.range !== undefined && start < bytes.byteLength) {
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}`);
  } else if (start > 0) {
    response.writeHead(416).end();
    return;
  }
  response.setHeader('content-length', bytes.byteLength - start);
  response.end(request.method === 'HEAD' ? undefined : bytes.subarray(start));
}

/** Sends the announced length but breaks the connection after some bytes. */
export function sendBroken(request: IncomingMessage, response: ServerResponse, bytes: Buffer, after: number): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const headers = start > 0 ? { 'content-range': `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { ...headers, 'content-length': bytes.byteLength - start });
  response.write(bytes.subarray(start, start + after), () => {
    // Let the bytes arrive first.
    setTimeout(() => response.destroy(), 20);
  });
}
