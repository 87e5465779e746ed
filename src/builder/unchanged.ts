import type { BundlePlan, OutputPart } from '../bundle/index.ts';
import { hasCode } from '../core/index.ts';
import { SharedFile } from '../io/index.ts';

/**
 * True when the file or the volumes are the planned bundle, complete: they have the planned sizes, and bundle.json and
 * SHA256SUMS, which name the digest of every member, are the planned ones. Bundles get their name only when complete, so
 * the members are not read again; `caisson verify` does that.
 */
export async function isFinished(parts: readonly OutputPart[], plan: BundlePlan): Promise<boolean> {
  const [first = '', ...others] = parts.map(({ path }) => path);
  const file = await SharedFile.open(first, ...others).catch((error: unknown) => {
    if (hasCode(error, 'INPUT_UNREADABLE')) return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    if (!file.parts.every(({ end }, index) => end === parts[index]?.end)) return false;
    for (const { path: name, offset, content } of plan.members) {
      if (content === undefined || !['bundle.json', 'SHA256SUMS'].includes(name)) continue;
      if (!(await file.read(offset, content.byteLength)).equals(content)) return false;
    }
    return true;
  } finally {
    await file.close();
  }
}
