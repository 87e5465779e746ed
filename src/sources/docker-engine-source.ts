import type { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import { CaissonError, errnoOf, messageOf, type Digest, type Emit } from '../core/index.ts';
import {
  formatReference,
  repositoryName,
  type Descriptor,
  type ImageReference,
  type ImageSource,
  type OpenBlobOptions,
  type ResolvedImage,
  type ResolveOptions,
} from '../oci/index.ts';
import { ArchiveFiles, writeSpool } from './archive-files.ts';
import { DockerArchiveSource } from './docker-archive-source.ts';
import { parseSource } from './source-reference.ts';
import type { SpoolDirectory } from './spool-directory.ts';

export interface DockerEngineOptions {
  /** DOCKER_HOST, DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, as docker reads them. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Stays the caller's to close. */
  readonly spool: SpoolDirectory;
  readonly emit: Emit;
}

const DEFAULT_HOST = 'unix:///var/run/docker.sock';

/**
 * Images of the Docker engine on this machine. Each is asked for once, as `docker save` does, into a file of the spool
 * directory, and then read as that archive: by its manifest.json, also where a newer engine adds an OCI layout, so that
 * engines of all versions give one digest for one image. The engine's own RepoDigests differ from the digests of the
 * saved image.
 */
export class DockerEngineSource implements ImageSource {
  readonly #host: string;
  readonly #spool: SpoolDirectory;
  readonly #emit: Emit;
  readonly #saved = new Map<string, Promise<DockerArchiveSource>>();
  #client: Dockerode | undefined;

  constructor({ env, spool, emit }: DockerEngineOptions) {
    this.#host = env['DOCKER_HOST'] === undefined || env['DOCKER_HOST'] === '' ? DEFAULT_HOST : env['DOCKER_HOST'];
    this.#spool = spool;
    this.#emit = emit;
  }

  describe(reference: string): string {
    return `${formatReference(imageOf(reference))} of the Docker engine at ${this.#host}`;
  }

  async resolve(reference: string, options: ResolveOptions): Promise<ResolvedImage> {
    return (await this.#archive(reference, options.signal)).resolve(reference, options);
  }

  async openBlob(reference: string, descriptor: Descriptor, options: OpenBlobOptions = {}): Promise<Readable> {
    return (await this.#archive(reference, options.signal)).openBlob(reference, descriptor, options);
  }

  async readManifest(reference: string, digest: Digest, options: { readonly signal?: AbortSignal } = {}): Promise<Buffer> {
    return (await this.#archive(reference, options.signal)).readManifest(reference, digest, options);
  }

  async close(): Promise<void> {
    for (const saved of this.#saved.values()) await (await saved.catch(() => undefined))?.close();
    this.#saved.clear();
  }

  async #archive(reference: string, signal: AbortSignal | undefined): Promise<DockerArchiveSource> {
    signal?.throwIfAborted();
    const image = imageOf(reference);
    const key = formatReference(image);
    const known = this.#saved.get(key);
    if (known !== undefined) return known;
    const saved = this.#save(image, signal);
    this.#saved.set(key, saved);
    saved.catch(() => this.#saved.delete(key));
    return saved;
  }

  async #save(image: ImageReference, signal: AbortSignal | undefined): Promise<DockerArchiveSource> {
    const name = askedName(image);
    const what = `image "${formatReference(image)}" of the Docker engine at ${this.#host}`;
    try {
      const engine = (this.#client ??= await clientOf(this.#host));
      const { RepoDigests: digests } = await engine.getImage(name).inspect();
      this.#note(image, digests);
      const stream = await engine.getImage(name).get();
      const file = await this.#spool.newFile();
      // The type is NodeJS.ReadableStream; the value is the response, a Readable.
      await writeSpool(stream as Readable, file, { what, signal });
      return new DockerArchiveSource(await ArchiveFiles.open(file, { spool: this.#spool, signal, shownAs: what }));
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof CaissonError ? error : this.#failure(what, error);
    }
  }

  #note(image: ImageReference, digests: readonly string[] | undefined): void {
    const [known] = digests ?? [];
    if (known === undefined) return;
    const message = `The Docker engine knows ${formatReference(image)} as ${known}; what it saves has no registry manifest, so the bundle has one of its own`;
    this.#emit({ type: 'warning', message });
  }

  #failure(what: string, error: unknown): CaissonError {
    const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
    if (status === 404) {
      return new CaissonError('IMAGE_NOT_FOUND', `Cannot find ${what}: the engine does not have it`, {
        cause: error,
        hint: 'docker image ls shows what it has; docker pull gets more',
      });
    }
    const reason = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ECONNREFUSED' ? 'no engine answers there' : messageOf(error);
    return new CaissonError('FETCH_FAILED', `Cannot get ${what}: ${reason}`, {
      cause: error,
      hint: 'Start the engine, or set DOCKER_HOST to where it listens, and mind the permissions of its socket',
    });
  }
}

/** The name to ask the engine for: without the tag when the reference has a digest. */
function askedName(image: ImageReference): string {
  return image.digest === undefined ? formatReference(image) : `${repositoryName(image)}@${image.digest}`;
}

function imageOf(reference: string): ImageReference {
  const source = parseSource(reference);
  if (source.transport === 'docker') return source.image;
  throw new Error(`"${reference}" is not a reference of the Docker engine`);
}

/** Loaded when it is needed: few builds ask an engine, and it is large. Throws USAGE for a DOCKER_HOST that is not supported. */
async function clientOf(host: string): Promise<Dockerode> {
  const { default: Dockerode } = await import('dockerode');
  if (host.startsWith('unix://')) return new Dockerode({ socketPath: host.slice('unix://'.length) });
  if (/^(?:tcp|http):\/\/[^/]+\/?$/.test(host)) {
    const { hostname, port } = new URL(host.replace(/^tcp:/, 'http:'));
    return new Dockerode({ protocol: 'http', host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 2375 : Number(port) });
  }
  throw new CaissonError('USAGE', `Cannot use DOCKER_HOST "${host}": it is neither unix:// nor tcp://`, {
    hint: 'Save the image with docker save and name the file as docker-archive:FILE:NAME:TAG',
  });
}
