import { PARTIAL, type BundleManifest } from '../bundle/index.ts';
import { hexOf, platformSlug, type Digest } from '../core/index.ts';

/** The properties of a bundle that make up its file name on the seed. */
export interface StagedBundle {
  readonly manifest: Pick<BundleManifest, 'name' | 'version'>;
  readonly bundleDigest: Digest;
}

/** File name of a bundle on the seed: NAME-VERSION-DIGEST.tar, with the first 12 hex digits of the digest. */
export function stagedBundleName({ manifest, bundleDigest }: StagedBundle): string {
  return `${manifest.name}-${manifest.version}-${hexOf(bundleDigest).slice(0, 12)}.tar`;
}

/** Suffix of the name of a copy until the copy is complete and verified. */
export const UNVERIFIED_COPY = '.copy';

/** Suffixes of the files beside a bundle that a depot fills, and that a killed copy left. They go with the bundle. */
export const BESIDE_BUNDLE: readonly string[] = [UNVERIFIED_COPY, PARTIAL, `${PARTIAL}.journal`, `${PARTIAL}.journal.new`, '.lock'];

/** Path of the bundle member that is the executable for hosts with this CPU. `architecture` is a Go name, such as amd64. */
export function executablePath(architecture: string): string {
  return `caisson-${platformSlug({ os: 'linux', architecture })}`;
}
