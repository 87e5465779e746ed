import type { Digest } from '../../core/index.ts';
import type { Finding } from '../format/bundle-errors.ts';
import { blobDigest, BUNDLE_JSON, isSignaturePath, SHA256SUMS } from '../format/member-path.ts';
import type { BundlePlan } from '../format/plan.ts';
import type { Sums } from '../format/sums.ts';

/** Hex digits in which a misprinted digest differs from the right one, at most. Digests of different bytes differ in about 60 of 64. */
const MISPRINT_LIMIT = 8;
/** A hostile list could name a million members that are not there. */
const MISSING_LIMIT = 1000;

/** Digests of members from three sources: the bytes, bundle.json and SHA256SUMS. */
export interface Evidence {
  /** Members found, with the digest that their bytes have. */
  readonly actual: readonly { readonly path: string; readonly digest: Digest }[];
  /** From bundle.json; undefined when that cannot be trusted. */
  readonly plan: BundlePlan | undefined;
  /** From SHA256SUMS; undefined when there is none. */
  readonly sums: Sums | undefined;
}

/**
 * Finds the fault where bytes, bundle.json and SHA256SUMS disagree: the member is wrong when both lists contradict its
 * bytes, a list is wrong when the bytes and the other list agree.
 */
export function judge({ actual, plan, sums }: Evidence): readonly Finding[] {
  const listed = new Map(plan?.members.map(({ path, digest }) => [path, digest]));
  const findings: Finding[] = [];
  for (const { path, digest } of actual) {
    // Signatures are listed nowhere.
    if (path === SHA256SUMS || isSignaturePath(path)) continue;
    const inSums = sums?.digests.get(path);
    const claims = { [BUNDLE_JSON]: path === BUNDLE_JSON ? undefined : (listed.get(path) ?? blobDigest(path)), [SHA256SUMS]: inSums };
    const said = Object.entries(claims).filter(([, claim]) => claim !== undefined);
    const wrong = said.filter(([, claim]) => claim !== digest);
    if (wrong.length > 0 && wrong.length === said.length && !wrong.every(([, claim]) => isMisprint(claim, digest))) {
      findings.push({ member: path, reason: `its bytes have the digest ${digest}, want ${wrong[0]?.[1]}` });
    } else {
      for (const [list, claim] of wrong)
        findings.push({ member: list, reason: `it says ${claim} for "${path}", whose bytes have ${digest}` });
    }
    const isForeign = plan !== undefined && !listed.has(path);
    if (sums !== undefined && inSums === undefined && !isForeign)
      findings.push({ member: SHA256SUMS, reason: `it does not list "${path}"` });
  }
  return [...findings, ...judgeSums(sums, new Set(actual.map(({ path }) => path)), listed)];
}

function judgeSums(sums: Sums | undefined, found: ReadonlySet<string>, listed: ReadonlyMap<string, Digest>): Finding[] {
  if (sums === undefined) return [];
  // A member that bundle.json does not know either is one that the list has wrong.
  const isKnown = listed.size > 0;
  const missing = [...sums.digests.keys()].filter((path) => !found.has(path) && !listed.has(path)).slice(0, MISSING_LIMIT);
  return [
    ...sums.problems.map((reason) => ({ member: SHA256SUMS, reason })),
    ...missing.map((path) =>
      isKnown
        ? { member: SHA256SUMS, reason: `it lists "${path}", which neither the file nor bundle.json has` }
        : { member: path, reason: 'it is missing, and SHA256SUMS lists it' },
    ),
  ];
}

/**
 * True when two digests differ in a few digits only. Changed bytes would change nearly all digits, so the list is wrong
 * and the member is right.
 */
function isMisprint(claim: Digest | undefined, actual: Digest): boolean {
  if (claim === undefined) return false;
  let different = 0;
  for (let at = 0; at < actual.length; at += 1) if (claim[at] !== actual[at]) different += 1;
  return different <= MISPRINT_LIMIT;
}
