import type { BundleManifest } from '../bundle/index.ts';
import { hexOf, platformSlug, type Digest } from '../core/index.ts';

/** The parts of a bundle's name on the seed. */
export interface StagedBundle {
  readonly manifest: Pick<BundleManifest, 'name' | 'version'>;
  readonly bundleDigest: Digest;
}

/** Name of a bundle on the seed: says which it is. */
export function stagedBundleName({ manifest, bundleDigest }: StagedBundle): string {
  return `${manifest.name}-${manifest.version}-${hexOf(bundleDigest).slice(0, 12)}.tar`;
}

/** Ending of a copy's name until it is complete and verified. */
export const PARTIAL = '.partial';

/** The member that is the executable for hosts of a CPU, in Go's words (amd64). */
export function executablePath(architecture: string): string {
  return `caisson-${platformSlug({ os: 'linux', architecture })}`;
}
