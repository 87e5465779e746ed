import { open } from 'node:fs/promises';
import type { BundlePlan } from '../bundle/index.ts';
import { errnoOf } from '../core/index.ts';

/**
 * True when the file is the planned bundle, complete: it has the planned size, and its bundle.json and SHA256SUMS, which
 * name the digest of every member, are the planned ones. Bundles get their name only when complete, so the members are
 * not read again; `caisson verify` does that.
 */
export async function isFinished(path: string, plan: BundlePlan): Promise<boolean> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size !== plan.size) return false;
    for (const { path: name, offset, content } of plan.members) {
      if (content === undefined || !['bundle.json', 'SHA256SUMS'].includes(name)) continue;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(content.byteLength), 0, content.byteLength, offset);
      if (bytesRead !== content.byteLength || !buffer.equals(content)) return false;
    }
    return true;
  } finally {
    await file.close();
  }
}
