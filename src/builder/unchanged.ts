import { openBundle, SHA256SUMS, type BundlePlan } from '../bundle/index.ts';
import { CaissonError } from '../core/index.ts';

/** Why a file is not the bundle that is to be built; anything else that goes wrong is worth an error of its own. */
const OTHER_FILE = new Set(['INPUT_UNREADABLE', 'BUNDLE_DAMAGED', 'BUNDLE_INCOMPLETE', 'BUNDLE_VERSION_UNKNOWN', 'DIGEST_MISMATCH']);

/**
 * True when the file is the planned bundle, complete: it has the planned size, and its bundle.json and SHA256SUMS, which
 * name the digest of every member, are the planned ones. Bundles get their name only when complete, so the members are
 * not read again; `caisson verify` does that. Signatures make no difference.
 */
export async function isFinished(path: string, plan: BundlePlan): Promise<boolean> {
  try {
    const reader = await openBundle(path);
    try {
      if (reader.bundleDigest !== plan.bundleDigest) return false;
      // Read for its digest: what follows from bundle.json may not be what the file holds.
      const size = reader.entry(SHA256SUMS)?.size ?? 0;
      await reader.read(SHA256SUMS, { limit: size });
      return true;
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof CaissonError && OTHER_FILE.has(error.code)) return false;
    throw error;
  }
}
