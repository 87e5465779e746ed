import { createReadStream } from 'node:fs';
import type { BundlePlan } from '../format/plan.ts';
import { BundleWriter, type WriterOptions } from './writer.ts';

/**
 * Begins a bundle that is filled later: headers, the contents that the plan knows, and the members that are files of this
 * machine (`files`, by path of the member). What an earlier writer of the same plan brought stays. Everything is on disk
 * when it resolves. Throws what BundleWriter throws, and DigestMismatchError for a file that is not the planned one.
 */
export async function beginBundle(
  plan: BundlePlan,
  output: string,
  files: ReadonlyMap<string, string>,
  options: WriterOptions = {},
): Promise<void> {
  const writer = await BundleWriter.create(plan, output, options);
  try {
    for (const entry of writer.pending()) {
      const file = files.get(entry.path);
      if (file !== undefined) await writer.fill(entry, createReadStream(file));
    }
  } finally {
    await writer.suspend();
  }
}
