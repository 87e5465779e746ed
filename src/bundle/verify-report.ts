import type { Digest } from '../core/index.ts';
import type { Finding } from './bundle-errors.ts';
import type { BundleBase } from './manifest.ts';
import type { BundleSignature } from './trust.ts';

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
  /** Of a delta: the bundles that it needs, which were not looked at. */
  readonly bases: readonly BundleBase[];
  /** Those that are good, in their order. */
  readonly signatures: readonly BundleSignature[];
  readonly findings: readonly Finding[];
}
