import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import {
  groupVolumes,
  heldBundles,
  looksLikeReceipt,
  MAY_LIE_IN_BASE,
  openBundle,
  parseReceipt,
  receiptSignaturePath,
  requireReceiptTrust,
  unitedHeld,
  type BaseEntry,
  type BundleInput,
  type BundleLocation,
  type HeldBundle,
  type PlannedFile,
  type Trust,
} from '../bundle/index.ts';
import { CaissonError, errnoOf, messageOf, silent, type Digest, type Emit } from '../core/index.ts';
import { limitExceeded, readLimited } from '../io/index.ts';

export interface BaseOptions {
  /** Whose receipts count. */
  readonly trust?: Trust | undefined;
  readonly emit?: Emit;
}

const RECEIPT_LIMIT = 64 * 1024 * 1024;
const SIGNATURE_LIMIT = 16 * 1024;

/**
 * Reads the values of `--base`: bundles (files or volumes), deltas (which also name members in their bases) and
 * receipts. Throws INPUT_UNREADABLE, INPUT_INVALID, BUNDLE_DAMAGED, BUNDLE_VERSION_UNKNOWN, and with `trust` the errors
 * of requireReceiptTrust for a receipt.
 */
export async function readBases(paths: readonly string[], { trust, emit = silent }: BaseOptions = {}): Promise<readonly HeldBundle[]> {
  const held: HeldBundle[] = [];
  for (const location of groupVolumes(paths)) {
    const [path] = location;
    const receipt = await readIfReceipt(path);
    if (receipt === undefined) held.push(...(await readBundle(location)));
    else {
      if (trust !== undefined) requireReceiptTrust(path, receipt, await readIfThere(receiptSignaturePath(path)), trust);
      else emit({ type: 'warning', message: `Nobody asked who signed the receipt "${path}": --allowed-signers does` });
      held.push(...parseReceipt(receipt, path));
    }
  }
  return unitedHeld(held);
}

/**
 * Turns a bundle into a delta: a member that a base holds under the same path with the same digest becomes a base entry.
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

/** The bytes of a receipt; undefined for another kind of file. */
async function readIfReceipt(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const start = Buffer.alloc(64);
      const { bytesRead } = await file.read(start, 0, start.length, 0);
      if (!looksLikeReceipt(start.subarray(0, bytesRead))) return undefined;
      if ((await file.stat()).size > RECEIPT_LIMIT) throw limitExceeded(`the receipt "${path}"`, RECEIPT_LIMIT);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read the base "${path}": ${messageOf(cause)}`, { cause });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readLimited(createReadStream(path), SIGNATURE_LIMIT, `"${path}"`)).toString('latin1');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${messageOf(cause)}`, { cause });
  }
}
