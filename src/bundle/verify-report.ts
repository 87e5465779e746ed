import type { Digest } from '../core/index.ts';
import type { Finding } from './bundle-errors.ts';

/** What verifyBundle saw. The bundle is whole exactly when `findings` is empty. */
export interface VerifyReport {
  /** Of the file, or of the first volume. */
  readonly path: string;
  /** Of the file, or of all volumes in order. */
  readonly paths: readonly string[];
  /** Bytes of the file, all of which were checked. */
  readonly size: number;
  /** Name and version; undefined when bundle.json cannot be read. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** Number of members found. */
  readonly members: number;
  /** The bundle's identity: digest of its SHA256SUMS as found; undefined when there is none. */
  readonly bundleDigest: Digest | undefined;
  readonly findings: readonly Finding[];
}
