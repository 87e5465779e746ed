import { open } from 'node:fs/promises';
import {
  groupVolumes,
  heldBundles,
  looksLikeReceipt,
  MAY_LIE_IN_BASE,
  openBundle,
  parseReceipt,
  unitedHeld,
  type BaseEntry,
  type BundleInput,
  type BundleLocation,
  type HeldBundle,
  type PlannedFile,
} from '../bundle/index.ts';
import { CaissonError, messageOf, type Digest } from '../core/index.ts';

/**
 * What the values of `--base` hold: bundles (files or volumes), deltas (which also speak for their bases) and receipts. Throws
 * INPUT_UNREADABLE, INPUT_INVALID, BUNDLE_DAMAGED, BUNDLE_VERSION_UNKNOWN.
 */
export async function readBases(paths: readonly string[]): Promise<readonly HeldBundle[]> {
  const held: HeldBundle[] = [];
  for (const location of groupVolumes(paths)) held.push(...((await readIfReceipt(location[0])) ?? (await readBundle(location))));
  return unitedHeld(held);
}

/**
 * The same bundle as a delta: what a base holds under the same path, byte for byte, is left out and said to lie there.
 * Pure; the order of the bases makes no difference.
 */
export function asDelta(input: BundleInput, held: readonly HeldBundle[]): BundleInput {
  const places = new Map<string, Digest>();
  for (const { digest, members } of unitedHeld(held)) {
    for (const member of members) if (!places.has(keyOf(member))) places.set(keyOf(member), digest);
  }
  const baseOf = (file: PlannedFile): Digest | undefined => (MAY_LIE_IN_BASE.has(file.kind) ? places.get(keyOf(file)) : undefined);
  const baseEntries = input.files.flatMap((file): BaseEntry[] => {
    const base = baseOf(file);
    if (base === undefined) return [];
    const { path, kind, size, digest, mode, origin } = file;
    return [{ path, kind, size, digest, mode, origin, base }];
  });
  const used = new Set(baseEntries.map(({ base }) => base));
  return {
    ...input,
    files: input.files.filter((file) => baseOf(file) === undefined),
    bases: held.filter(({ digest }) => used.has(digest)).map(({ name, version, digest }) => ({ name, version, digest })),
    baseEntries,
  };
}

function keyOf({ path, size, digest }: Pick<PlannedFile, 'path' | 'size' | 'digest'>): string {
  return `${path} ${size} ${digest}`;
}

async function readBundle(location: BundleLocation): Promise<readonly HeldBundle[]> {
  const reader = await openBundle(location);
  try {
    return heldBundles([reader]);
  } finally {
    await reader.close();
  }
}

async function readIfReceipt(path: string): Promise<readonly HeldBundle[] | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const start = Buffer.alloc(64);
      const { bytesRead } = await file.read(start, 0, start.length, 0);
      return looksLikeReceipt(start.subarray(0, bytesRead)) ? parseReceipt(await file.readFile(), path) : undefined;
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read the base "${path}": ${messageOf(cause)}`, { cause });
  }
}
