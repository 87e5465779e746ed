import type { BundleEntry } from '../format/manifest.ts';
import type { BundlePlan } from '../format/plan.ts';
import { FillJournal } from './fill-journal.ts';
import { identityOf } from './positioned-file.ts';
import { partialPath } from '../format/unfinished.ts';

/** Members of a partial bundle that lack bytes, and how many bytes these are. */
export interface MissingMembers {
  readonly members: number;
  readonly bytes: number;
}

/** Kinds of members that a writer is given; it makes all others from the plan. */
const FILLED: ReadonlySet<BundleEntry['kind']> = new Set(['blob', 'package', 'executable', 'file']);

/**
 * Counts what a partial bundle lacks, by its journal. Reads no member, and needs no lock: a writer that still runs may bring
 * more meanwhile. Everything is missing where the journal is gone or is of another file.
 */
export async function missingMembers(plan: BundlePlan, output: string): Promise<MissingMembers> {
  const identity = await identityOf(partialPath(output));
  const progress = identity === undefined ? undefined : await FillJournal.read(output, plan, identity);
  const missing = plan.members
    .filter(({ kind }) => FILLED.has(kind))
    .map(({ path, size }) => size - (progress?.get(path)?.present ?? 0))
    .filter((bytes) => bytes > 0);
  return { members: missing.length, bytes: missing.reduce((sum, bytes) => sum + bytes, 0) };
}
