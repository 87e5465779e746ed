import { resolve as resolvePath } from 'node:path';
import type { Readable } from 'node:stream';
import type { Digest } from '../core/index.ts';
import type { Descriptor, ImageSource, OpenBlobOptions, ResolvedImage, ResolveOptions } from '../oci/index.ts';
import { ArchiveFiles } from './archive-files.ts';
import { DockerArchiveSource } from './docker-archive-source.ts';
import { DockerEngineSource, type DockerEngineOptions } from './docker-engine-source.ts';
import { DirectoryFiles, type ImageFiles } from './image-files.ts';
import { LayoutSource } from './layout-source.ts';
import { formatSource, parseSource, type DockerArchiveReference, type LayoutReference } from './source-reference.ts';
import { SpoolDirectory } from './spool-directory.ts';

export interface RoutedSourceOptions {
  /** Where registry references go; closed with this. */
  readonly registry: ImageSource;
  /** The directory of images.txt: paths of archives and layouts are relative to it. */
  readonly directory: string;
  readonly env: DockerEngineOptions['env'];
  readonly emit: DockerEngineOptions['emit'];
}

type FileReference = LayoutReference | DockerArchiveReference;

/**
 * One ImageSource for all transports of images.txt: each reference goes to the source of its transport. Archives and
 * layouts are opened when they are asked for first, each once, and stay open until close.
 */
export class RoutedSource implements ImageSource {
  readonly #options: RoutedSourceOptions;
  readonly #spool = new SpoolDirectory();
  readonly #engine: DockerEngineSource;
  readonly #opened = new Map<string, Promise<ImageSource>>();

  constructor(options: RoutedSourceOptions) {
    this.#options = options;
    this.#engine = new DockerEngineSource({ env: options.env, emit: options.emit, spool: this.#spool });
  }

  describe(reference: string): string {
    const source = parseSource(reference);
    switch (source.transport) {
      case 'registry':
        return this.#options.registry.describe(reference);
      case 'docker':
        return this.#engine.describe(reference);
      case 'oci':
      case 'oci-archive':
      case 'docker-archive':
        return formatSource({ ...source, path: this.#pathOf(source) });
    }
  }

  async resolve(reference: string, options: ResolveOptions): Promise<ResolvedImage> {
    return (await this.#sourceOf(reference, options.signal)).resolve(reference, options);
  }

  async openBlob(reference: string, descriptor: Descriptor, options: OpenBlobOptions = {}): Promise<Readable> {
    return (await this.#sourceOf(reference, options.signal)).openBlob(reference, descriptor, options);
  }

  async readManifest(reference: string, digest: Digest, options: { readonly signal?: AbortSignal } = {}): Promise<Buffer> {
    return (await this.#sourceOf(reference, options.signal)).readManifest(reference, digest, options);
  }

  async close(): Promise<void> {
    const opened = [...this.#opened.values()];
    this.#opened.clear();
    for (const one of opened) await (await one.catch(() => undefined))?.close();
    await this.#engine.close();
    await this.#spool.close();
    await this.#options.registry.close();
  }

  async #sourceOf(reference: string, signal: AbortSignal | undefined): Promise<ImageSource> {
    signal?.throwIfAborted();
    const source = parseSource(reference);
    if (source.transport === 'registry') return this.#options.registry;
    if (source.transport === 'docker') return this.#engine;
    const key = `${source.transport}:${this.#pathOf(source)}`;
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const opening = this.#open(source, signal);
    this.#opened.set(key, opening);
    // One that could not be opened is tried again: another call may bring another signal.
    opening.catch(() => this.#opened.delete(key));
    return opening;
  }

  async #open(source: FileReference, signal: AbortSignal | undefined): Promise<ImageSource> {
    const path = this.#pathOf(source);
    const files: ImageFiles =
      source.transport === 'oci' ? await DirectoryFiles.open(path) : await ArchiveFiles.open(path, { spool: this.#spool, signal });
    return source.transport === 'docker-archive' ? new DockerArchiveSource(files) : new LayoutSource(files, this.#options.emit);
  }

  #pathOf({ path }: FileReference): string {
    return resolvePath(this.#options.directory, path);
  }
}
