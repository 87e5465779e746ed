import { digestOf, DigestMismatchError, type Digest } from '../../core/index.ts';
import { readLimited } from '../../io/index.ts';
import type { BlobStore, Descriptor } from '../../oci/index.ts';

/** Manifests up to this size are kept; the registry specification asks for 4 MiB at least. */
const ENTRY_LIMIT = 4 * 1024 * 1024;
const TOTAL_LIMIT = 32 * 1024 * 1024;

/** Reads manifests from a store and keeps the ones used last, so that most requests touch no disk. */
export class ManifestCache {
  readonly #blobs: BlobStore;
  readonly #kept = new Map<Digest, Buffer>();
  #total = 0;

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** The bytes of a manifest, checked before, when they are kept. */
  kept(digest: Digest): Buffer | undefined {
    const bytes = this.#kept.get(digest);
    if (bytes === undefined) return undefined;
    this.#kept.delete(digest);
    this.#kept.set(digest, bytes);
    return bytes;
  }

  /** The bytes of a manifest, checked; undefined for one too large to keep. Throws DIGEST_MISMATCH and BLOB_UNKNOWN. */
  async read(descriptor: Descriptor): Promise<Buffer | undefined> {
    const { digest, size } = descriptor;
    const kept = this.kept(digest);
    if (kept !== undefined) return kept;
    if (size > ENTRY_LIMIT) return undefined;
    const bytes = await this.#load(descriptor);
    this.#keep(digest, bytes);
    return bytes;
  }

  async #load({ digest, size }: Descriptor): Promise<Buffer> {
    const bytes = await readLimited(await this.#blobs.open(digest), size, `manifest "${digest}"`);
    const actual = digestOf(bytes);
    if (actual !== digest) throw new DigestMismatchError('a manifest', { digest, size }, { digest: actual, size: bytes.byteLength });
    return bytes;
  }

  #keep(digest: Digest, bytes: Buffer): void {
    if (this.#kept.has(digest)) return;
    this.#kept.set(digest, bytes);
    this.#total += bytes.byteLength;
    for (const [oldest, { byteLength }] of this.#kept) {
      if (this.#total <= TOTAL_LIMIT) return;
      this.#kept.delete(oldest);
      this.#total -= byteLength;
    }
  }
}
