import { createHash } from 'node:crypto';
import { CaissonError } from './errors.ts';

/** A content digest in the form every OCI document uses: algorithm, colon, lower-case hex. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** Parses a sha256 digest (image-spec descriptor.md#digests). Throws DIGEST_INVALID for anything else, sha512 included. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new CaissonError('DIGEST_INVALID', `Cannot read digest "${text}": it is not sha256: and 64 lower-case hex digits`);
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The 64 hex digits of a digest, as blob file names and SHA256SUMS use them. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

export function digestFromHex(hex: string): Digest {
  return parseDigest(`sha256:${hex}`);
}
