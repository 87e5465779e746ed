import { Readable } from 'node:stream';
import { CaissonError, digestOf, type Digest } from '../../src/core/index.ts';
import type { FileTree, TreeFile } from '../../src/io/index.ts';
import type { BlobStore, ByteRange, Descriptor, ImageCatalog } from '../../src/oci/index.ts';

/** A BlobStore in memory that counts its open streams, so that a test can see a leak. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<Digest, Buffer>();
  opened = 0;
  closed = 0;

  put(bytes: Uint8Array | string): Digest {
    const digest = digestOf(bytes);
    this.#blobs.set(digest, Buffer.from(bytes));
    return digest;
  }

  /** Puts bytes under a digest that does not match them. */
  corrupt(digest: Digest, bytes: Uint8Array | string): void {
    this.#blobs.set(digest, Buffer.from(bytes));
  }

  async stat(digest: Digest): Promise<{ readonly size: number } | undefined> {
    const blob = this.#blobs.get(digest);
    return blob === undefined ? undefined : { size: blob.byteLength };
  }

  async open(digest: Digest, range?: ByteRange): Promise<Readable> {
    const blob = this.#blobs.get(digest);
    if (blob === undefined) throw new CaissonError('BLOB_UNKNOWN', `Cannot read blob "${digest}": it is not in memory`);
    this.opened += 1;
    const stream = readableOf(blob, range);
    stream.once('close', () => {
      this.closed += 1;
    });
    return stream;
  }
}

export interface MemoryImage {
  readonly repository: string;
  readonly tag?: string;
  readonly descriptor: Descriptor;
  readonly subject?: string;
  readonly artifactType?: string;
}

/** An ImageCatalog over a list; children of an index are listed without a tag. */
export function memoryCatalog(images: readonly MemoryImage[]): ImageCatalog {
  const of = (repository: string) => images.filter((image) => image.repository === repository);
  return {
    repositories: () => [...new Set(images.map((image) => image.repository))].sort(),
    tags(repository) {
      const own = of(repository);
      return own.length === 0 ? undefined : [...new Set(own.flatMap(({ tag }) => (tag === undefined ? [] : [tag])))].sort();
    },
    find: (repository, reference) =>
      of(repository).find(({ tag, descriptor }) => tag === reference || descriptor.digest === reference)?.descriptor,
    referrers: (repository, subject) =>
      of(repository)
        .filter((image) => image.subject === subject)
        .map(({ descriptor, artifactType }) => (artifactType === undefined ? descriptor : { ...descriptor, artifactType })),
  };
}

/** A FileTree in memory. */
export function memoryTree(files: Readonly<Record<string, Uint8Array | string>>, modified = new Date(0)): FileTree {
  const contents = new Map(Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes)]));
  return {
    async stat(path): Promise<TreeFile | undefined> {
      const bytes = contents.get(path);
      return bytes === undefined ? undefined : { size: bytes.byteLength, digest: digestOf(bytes), modified };
    },
    async open(path, range) {
      const bytes = contents.get(path);
      if (bytes === undefined) throw new CaissonError('FILE_UNKNOWN', `Cannot read "${path}": it is not in memory`);
      return readableOf(bytes, range);
    },
    async list(directory) {
      const prefix = directory === '' ? '' : `${directory}/`;
      const below = [...contents.keys()].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
      return [...new Set(below.map((path) => path.replace(/\/.*$/, '/')))].sort();
    },
  };
}

const CHUNK = 64 * 1024;

function readableOf(bytes: Buffer, range?: ByteRange): Readable {
  const { start, end } = range ?? { start: 0, end: bytes.byteLength };
  if (start < 0 || end > bytes.byteLength || start > end) throw new RangeError('outside the blob');
  return Readable.from(
    (function* () {
      for (let at = start; at < end; at += CHUNK) yield bytes.subarray(at, Math.min(at + CHUNK, end));
    })(),
  );
}
