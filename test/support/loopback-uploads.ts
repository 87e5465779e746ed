import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { digestOf, type Digest } from '../../src/core/index.ts';
import { sendError } from './loopback-registry.ts';

/** Behaviour of a registry when it takes pushes. */
export interface UploadBehaviour {
  /** False: every mount request starts an upload instead. */
  mounts: boolean;
  /** Refuses an index whose children are not in the repository, as distribution does. */
  refusesSparse: boolean;
  /**
   * Bytes after which the connection of a PATCH or PUT breaks, one entry for each request. Bytes that arrived are kept.
   */
  breaks: number[];
  /** Prefix of the path in Location. Empty by default, as for many registries. */
  locationBase: string;
  /** Sent as OCI-Chunk-Min-Length. */
  shortestChunk: number;
  /** Refuses every PATCH with a Content-Range. */
  knowsChunks: boolean;
}

interface Repository {
  readonly tags: Map<string, Digest>;
  readonly blobs: Map<Digest, Buffer>;
  readonly documents: Map<Digest, string>;
}

/** The push half of a registry (distribution-spec v1.1, Push). */
export class LoopbackUploads {
  readonly behaviour: UploadBehaviour = {
    mounts: true,
    refusesSparse: false,
    breaks: [],
    locationBase: '',
    shortestChunk: 0,
    knowsChunks: true,
  };
  /** Number of bytes that all uploads have sent. */
  received = 0;
  readonly #sessions = new Map<string, Buffer>();
  readonly #repository: (name: string) => Repository;

  constructor(repository: (name: string) => Repository) {
    this.#repository = repository;
  }

  /** Makes the registry forget all uploads that have begun. */
  loseSessions(): void {
    this.#sessions.clear();
  }

  begin(response: ServerResponse, name: string, query: URLSearchParams): void {
    const [mount, from] = [query.get('mount'), query.get('from')];
    const blob = mount === null || from === null ? undefined : [...this.#repository(from).blobs].find(([digest]) => digest === mount);
    if (this.behaviour.mounts && blob !== undefined) {
      this.#repository(name).blobs.set(...blob);
      response.writeHead(201, { location: `/v2/${name}/blobs/${blob[0]}`, 'docker-content-digest': blob[0] }).end();
      return;
    }
    const id = randomUUID();
    this.#sessions.set(id, Buffer.alloc(0));
    if (this.behaviour.shortestChunk > 0) response.setHeader('oci-chunk-min-length', this.behaviour.shortestChunk);
    this.#answer(response, 202, name, id);
  }

  async upload(request: IncomingMessage, response: ServerResponse, name: string, id: string, query: URLSearchParams): Promise<void> {
    const before = this.#sessions.get(id);
    if (before === undefined) {
      request.resume();
      sendError(response, 404, 'BLOB_UPLOAD_UNKNOWN');
      return;
    }
    if (request.method === 'GET') {
      this.#answer(response, 204, name, id);
      return;
    }
    const range = /^(\d+)-(\d+)$/.exec(request.headers['content-range'] ?? '');
    if (request.headers['content-range'] !== undefined && !this.behaviour.knowsChunks) {
      request.resume();
      sendError(response, 400, 'UNSUPPORTED');
      return;
    }
    if (range !== null && Number(range[1]) !== before.byteLength) {
      request.resume();
      this.#answer(response, 416, name, id);
      return;
    }
    const breakAfter = Number(request.headers['content-length'] ?? 0) > 0 ? this.behaviour.breaks.shift() : undefined;
    let content = before;
    for await (const chunk of request) {
      const bytes: unknown = chunk;
      if (!(bytes instanceof Buffer)) throw new TypeError('A request is a stream of bytes');
      content = Buffer.concat([content, bytes]);
      if (breakAfter !== undefined && content.byteLength >= before.byteLength + breakAfter) {
        content = content.subarray(0, before.byteLength + breakAfter);
        break;
      }
    }
    this.received += content.byteLength - before.byteLength;
    if (this.#sessions.has(id)) this.#sessions.set(id, content);
    if (breakAfter !== undefined) request.socket.destroy();
    else if (request.method === 'PATCH') this.#answer(response, 202, name, id);
    else this.#commit(response, name, id, content, query.get('digest') ?? '');
  }

  async manifest(request: IncomingMessage, response: ServerResponse, name: string, reference: string): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const digest = digestOf(bytes);
    const repository = this.#repository(name);
    const document: { manifests?: { digest: Digest }[]; config?: { digest: Digest }; layers?: { digest: Digest }[] } = JSON.parse(
      bytes.toString('utf8'),
    );
    const children = (document.manifests ?? []).map((child) => child.digest);
    const blobs = [document.config, ...(document.layers ?? [])].flatMap((blob) => (blob === undefined ? [] : [blob.digest]));
    const lacking = [...(this.behaviour.refusesSparse ? children : []), ...blobs].filter((wanted) => !repository.blobs.has(wanted));
    if (lacking.length > 0) {
      sendError(response, 400, 'MANIFEST_BLOB_UNKNOWN');
      return;
    }
    repository.blobs.set(digest, bytes);
    repository.documents.set(digest, request.headers['content-type'] ?? '');
    if (!reference.includes(':')) repository.tags.set(reference, digest);
    response.writeHead(201, { location: `/v2/${name}/manifests/${digest}`, 'docker-content-digest': digest }).end();
  }

  #commit(response: ServerResponse, name: string, id: string, content: Buffer, digest: string): void {
    this.#sessions.delete(id);
    if (digestOf(content) !== digest) {
      sendError(response, 400, 'DIGEST_INVALID');
      return;
    }
    this.#repository(name).blobs.set(digestOf(content), content);
    response.writeHead(201, { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest }).end();
  }

  #answer(response: ServerResponse, status: number, name: string, id: string): void {
    const size = this.#sessions.get(id)?.byteLength ?? 0;
    response.writeHead(status, {
      location: `${this.behaviour.locationBase}/v2/${name}/blobs/uploads/${id}?state=${size}`,
      range: `0-${Math.max(0, size - 1)}`,
      'content-length': 0,
    });
    response.end();
  }
}
