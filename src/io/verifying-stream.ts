import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { DigestMismatchError, type Digest } from '../core/index.ts';

/**
 * Passes bytes through and fails with DigestMismatchError when size or digest is not the expected one: at the first byte
 * too many, or at the end. A reader that reaches the end without an error has read exactly the expected bytes.
 */
export function verifying(what: string, expected: { readonly digest: Digest; readonly size: number }): Transform {
  const hash = createHash('sha256');
  let size = 0;
  const mismatch = (hint?: string): DigestMismatchError =>
    new DigestMismatchError(what, expected, { digest: `sha256:${hash.digest('hex')}`, size }, hint === undefined ? {} : { hint });
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      size += chunk.byteLength;
      if (size > expected.size) done(mismatch('The source sends more bytes than it promised; reading stopped there'));
      else done(null, chunk);
    },
    flush(done) {
      if (size < expected.size) {
        done(mismatch('The source ended early'));
        return;
      }
      const digest: Digest = `sha256:${hash.digest('hex')}`;
      done(digest === expected.digest ? null : new DigestMismatchError(what, expected, { digest, size }));
    },
  });
}
