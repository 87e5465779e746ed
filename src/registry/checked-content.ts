import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { digestFromHex, DigestMismatchError, type Digest } from '../core/index.ts';
import type { StreamedBody } from '../net/index.ts';
import type { ByteRange } from '../oci/index.ts';

/** The bytes of a blob that is pushed. */
export interface BlobContent {
  readonly digest: Digest;
  readonly size: number;
  open(range: ByteRange): Promise<Readable>;
}

/**
 * A blob that is read in parts, some of them again after a broken connection, and hashed once on the way, so that damage
 * on this machine is not reported as the registry's. A part must not start behind the bytes read before.
 */
export class CheckedContent {
  readonly #content: BlobContent;
  readonly #hash = createHash('sha256');
  #hashed = 0;
  #digest: Digest | undefined;

  constructor(content: BlobContent) {
    this.#content = content;
  }

  /** How many bytes were read so far. */
  get position(): number {
    return this.#hashed;
  }

  part(start: number, end: number): StreamedBody {
    return { size: end - start, open: async () => Readable.from(this.#read(start, end), { objectMode: false }) };
  }

  /** Everything, for small blobs, checked. Throws DigestMismatchError. */
  async whole(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#read(0, this.#content.size)) chunks.push(chunk);
    this.check();
    return Buffer.concat(chunks);
  }

  /** Throws DigestMismatchError unless the whole blob was read and has the expected digest. */
  check(): void {
    const { digest, size } = this.#content;
    const actual = (this.#digest ??= digestFromHex(this.#hash.digest('hex')));
    if (actual !== digest || this.#hashed !== size) {
      throw new DigestMismatchError(
        `blob "${digest}" for a push`,
        { digest, size },
        { digest: actual, size: this.#hashed },
        { hint: 'What is pushed from is damaged. Run: caisson verify BUNDLE' },
      );
    }
  }

  async *#read(start: number, end: number): AsyncGenerator<Buffer> {
    let position = start;
    for await (const chunk of await this.#content.open({ start, end })) {
      const bytes: unknown = chunk;
      if (!(bytes instanceof Buffer)) throw new TypeError('A blob must be a stream of bytes');
      const known = this.#hashed - position;
      if (known < bytes.byteLength) {
        this.#hash.update(bytes.subarray(known));
        this.#hashed = position + bytes.byteLength;
      }
      position += bytes.byteLength;
      yield bytes;
    }
  }
}
