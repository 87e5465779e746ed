import { openBundle, SHA256SUMS, type BundlePlan, type OutputPart } from '../bundle/index.ts';
import { CaissonError } from '../core/index.ts';

/** Why files are not the bundle that is to be built; anything else that goes wrong is worth an error of its own. */
const OTHER_FILE = new Set([
  'INPUT_UNREADABLE',
  'BUNDLE_DAMAGED',
  'BUNDLE_INCOMPLETE',
  'BUNDLE_VERSION_UNKNOWN',
  'DIGEST_MISMATCH',
  'VOLUMES_UNFIT',
]);

/**
 * True when the file or the volumes are the planned bundle, complete: they fit together, and bundle.json and SHA256SUMS,
 * which name the digest of every member, are the planned ones. Bundles get their name only when complete, so the members
 * are not read again; `caisson verify` does that. Signatures make no difference.
 */
export async function isFinished(parts: readonly OutputPart[], plan: BundlePlan): Promise<boolean> {
  try {
    const reader = await openBundle(parts.map(({ path }) => path));
    try {
      if (reader.bundleDigest !== plan.bundleDigest) return false;
      // Read for its digest: what follows from bundle.json may not be what the file holds.
      await reader.read(SHA256SUMS, { limit: reader.size });
      return true;
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof CaissonError && OTHER_FILE.has(error.code)) return false;
    throw error;
  }
}
