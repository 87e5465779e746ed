import { createHash } from 'node:crypto';
import { digestFromHex, DigestMismatchError, type Digest } from '../core/index.ts';

/** Algorithm and hexadecimal digits. Repositories list SHA-256, some of them SHA-512 alone; older ones are not believed. */
export type FileHash = `sha256:${string}` | `sha512:${string}`;

/** A file as a Release or a Packages file lists it. */
export interface ListedFile {
  readonly size: number;
  readonly digest: FileHash;
}

export function fileHash(algorithm: 'sha256' | 'sha512', hex: string): FileHash {
  return `${algorithm}:${hex.toLowerCase()}`;
}

/** The digest of bytes by an algorithm. */
export function digestWith(bytes: Uint8Array, algorithm: 'sha256' | 'sha512'): FileHash {
  return fileHash(algorithm, createHash(algorithm).update(bytes).digest('hex'));
}

/** The name of the algorithm and the digits. */
export function partsOfHash(hash: FileHash): { readonly algorithm: 'sha256' | 'sha512'; readonly hex: string } {
  return { algorithm: hash.startsWith('sha512:') ? 'sha512' : 'sha256', hex: hash.slice('sha256:'.length) };
}

/** The digest that bundles go by; undefined for a file that is listed by SHA-512 alone. */
export function digestIn(hash: FileHash): Digest | undefined {
  const { algorithm, hex } = partsOfHash(hash);
  return algorithm === 'sha256' ? digestFromHex(hex) : undefined;
}

/** Passes chunks on. Throws DIGEST_MISMATCH at their end when they are not the listed file. */
export async function* verified(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  listed: ListedFile,
  { what, hint }: { readonly what: string; readonly hint: string },
): AsyncGenerator<Buffer> {
  const { algorithm } = partsOfHash(listed.digest);
  const hash = createHash(algorithm);
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.byteLength;
    yield chunk;
  }
  const digest = fileHash(algorithm, hash.digest('hex'));
  if (size !== listed.size || digest !== listed.digest) throw new DigestMismatchError(what, listed, { digest, size }, { hint });
}

/** As `verified`, for bytes that are there. */
export async function requireListed(
  bytes: Buffer,
  listed: ListedFile,
  names: { readonly what: string; readonly hint: string },
): Promise<void> {
  const checked = verified([bytes], listed, names);
  while ((await checked.next()).done !== true);
}
