import { openBundle, outputParts, SHA256SUMS, type BundlePlan } from '../bundle/index.ts';
import { CaissonError } from '../core/index.ts';

/** Codes that mean that a file is not the planned bundle; other errors are thrown. */
const OTHER_FILE = new Set([
  'INPUT_UNREADABLE',
  'BUNDLE_DAMAGED',
  'BUNDLE_INCOMPLETE',
  'BUNDLE_VERSION_UNKNOWN',
  'DIGEST_MISMATCH',
  'VOLUMES_UNFIT',
]);

/**
 * The paths of the file or the volumes when they are the planned bundle, complete: cut as asked for, of the planned size,
 * and with the planned bundle.json and SHA256SUMS, which name the digest of every member. Bundles get their name only when
 * complete, so the members are not read again; `caisson verify` does that. Signatures make no difference.
 */
export async function finishedFiles(
  output: string,
  plan: BundlePlan,
  volumeSize: number | undefined,
): Promise<readonly string[] | undefined> {
  const [first] = outputParts(output, plan.size, volumeSize);
  if (first === undefined) return undefined;
  try {
    const reader = await openBundle(first.path);
    try {
      if (reader.bundleDigest !== plan.bundleDigest) return undefined;
      const wanted = outputParts(output, reader.size, volumeSize);
      if (!reader.parts.every(({ path, end }, index) => path === wanted[index]?.path && end === wanted[index].end)) return undefined;
      // Read, so that its digest is checked: the file can differ from the SHA256SUMS that follows from bundle.json.
      const size = reader.entry(SHA256SUMS)?.size ?? 0;
      await reader.read(SHA256SUMS, { limit: size });
      return reader.paths;
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof CaissonError && OTHER_FILE.has(error.code)) return undefined;
    throw error;
  }
}
