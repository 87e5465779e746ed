import * as z from 'zod';
import { CaissonError, isDigest, messageOf, type Digest } from '../../core/index.ts';
import { boundedList, parseBoundedJson } from '../../io/index.ts';
import { compareBases } from '../format/canonical-manifest.ts';
import { BUNDLE_JSON_LIMIT, describeIssues, word } from '../format/manifest-schema.ts';
import { MAY_LIE_IN_BASE, type BundleBase, type BundleEntry } from '../format/manifest.ts';
import { compareText } from '../format/member-path.ts';
import type { BundleReader } from '../read/reader.ts';

const RECEIPT_API_VERSION = 'caisson.receipt/v1';

/** A bundle and those of its members that a delta may leave out. */
export interface HeldBundle extends BundleBase {
  readonly members: readonly Pick<BundleEntry, 'path' | 'size' | 'digest'>[];
}

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'is not a sha256 digest');
const member = z.strictObject({ path: z.string(), size: z.int().nonnegative(), digest });
const receipt = z.strictObject({
  apiVersion: z.literal(RECEIPT_API_VERSION),
  kind: z.literal('Receipt'),
  bundles: boundedList(z.strictObject({ name: word, version: word, digest, members: boundedList(member) })),
});

/**
 * The bundles that a site holds, each with the large members in its file; a delta adds the members that it names in its
 * bases. The result is in canonical order, independent of the order of the arguments.
 */
export function heldBundles(readers: readonly BundleReader[]): readonly HeldBundle[] {
  return unitedHeld(readers.flatMap(heldBy));
}

/** Each bundle once, with the members of all its mentions; by name and version, members by path. */
export function unitedHeld(bundles: readonly HeldBundle[]): readonly HeldBundle[] {
  const united = new Map<Digest, { base: BundleBase; members: Map<string, HeldBundle['members'][number]> }>();
  for (const { members, ...base } of bundles) {
    const known = united.get(base.digest) ?? { base, members: new Map() };
    united.set(base.digest, known);
    for (const each of members) known.members.set(each.path, each);
  }
  return [...united.values()]
    .map(({ base, members }) => ({ ...base, members: [...members.values()].sort((left, right) => compareText(left.path, right.path)) }))
    .sort(compareBases);
}

function heldBy({ manifest, bundleDigest }: BundleReader): HeldBundle[] {
  const { name, version, bases, entries, baseEntries } = manifest;
  const own = entries.filter(({ kind }) => MAY_LIE_IN_BASE.has(kind));
  return [
    { name, version, digest: bundleDigest, members: own.map(bare) },
    ...bases.map((base) => ({ ...base, members: baseEntries.filter((entry) => entry.base === base.digest).map(bare) })),
  ];
}

function bare({ path, size, digest: own }: HeldBundle['members'][number]): HeldBundle['members'][number] {
  return { path, size, digest: own };
}

/** The bytes of a receipt: small enough to be carried out by hand, the same for the same bundles. */
export function formatReceipt(bundles: readonly HeldBundle[]): string {
  return `${JSON.stringify({ apiVersion: RECEIPT_API_VERSION, kind: 'Receipt', bundles: unitedHeld(bundles) }, undefined, 1)}\n`;
}

/** True for bytes that can only be meant as a receipt: a bundle begins with the name of its first member. */
export function looksLikeReceipt(start: Uint8Array): boolean {
  return /^\s*\{/.test(Buffer.from(start).toString('latin1'));
}

/** Reads a receipt strictly. Throws INPUT_INVALID naming every mistake with its place. */
export function parseReceipt(bytes: Uint8Array, path: string): readonly HeldBundle[] {
  if (bytes.byteLength > BUNDLE_JSON_LIMIT) throw unreadable(path, 'it is larger than any receipt');
  let document: unknown;
  try {
    document = parseBoundedJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw unreadable(path, `it is not JSON: ${messageOf(cause)}`, cause);
  }
  const result = receipt.safeParse(document);
  if (!result.success) throw unreadable(path, describeIssues(result.error).join('; '));
  return unitedHeld(result.data.bundles);
}

function unreadable(path: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('INPUT_INVALID', `Cannot read the receipt "${path}": ${reason}`, {
    hint: 'Make it again on the seed: caisson inspect --receipt FILE',
    ...(cause === undefined ? {} : { cause }),
  });
}
