import type { BundleReader, BundleSignature } from '../bundle/index.ts';
import { CaissonError, type Digest } from '../core/index.ts';
import type { Acceptance, SiteRecord } from '../site/index.ts';

/** Words of an operator on a bundle, beside the signers that are allowed. */
export interface SaidOfBundle {
  /** Digest of the bundle, told by another way than the bundle. */
  readonly digest?: Digest | undefined;
  /** True when the bundle may be installed although no signature of it is checked. */
  readonly unsigned?: boolean;
  /** True when the run asks no question before its first change (--yes). */
  readonly isUnasked?: boolean;
}

/** Decides how a bundle is accepted. Undefined for one whose record does not say it, and for one that is supplied online. */
export type Accept = (
  bundle: Pick<BundleReader, 'path' | 'bundleDigest'>,
  signatures: readonly BundleSignature[],
) => Acceptance | undefined;

/**
 * Returns the decision for bundles of files: signed by an allowed signer, known by its digest, or unsigned. A bundle that the record
 * names was accepted by an earlier run and stays accepted as it was. The decision throws DIGEST_MISMATCH for a bundle with another
 * digest than the operator said, and SIGNATURE_MISSING or SIGNER_UNKNOWN for a run without a question whose bundle has neither signer nor digest nor `unsigned`.
 */
export function acceptBundle(said: SaidOfBundle, record: SiteRecord | undefined): Accept {
  return (bundle, signatures) => {
    requireDigest(bundle, said.digest);
    const allowed = signatures.find(({ signer }) => signer === 'allowed');
    if (allowed !== undefined) return { by: 'signature', key: allowed.fingerprint, signer: allowed.principals ?? allowed.fingerprint };
    if (said.digest !== undefined) return { by: 'digest' };
    const known = recordedBundle(record, bundle.bundleDigest);
    if (known !== undefined) return known.accepted;
    if (said.isUnasked === true && said.unsigned !== true) throw unvouched(bundle, signatures);
    return { by: 'unsigned' };
  };
}

/** Returns the decision for bundles that follow from a lock: they stay accepted as the record has it. */
export function acceptOnline(record: SiteRecord | undefined): Accept {
  return ({ bundleDigest }) => acceptanceOf(bundleDigest, record);
}

/** Lines for the question before a bundle is installed for which no signature and no digest vouches. */
export function acceptanceNotes({
  request: { bundle, accepted },
  record,
}: {
  readonly request: {
    readonly bundle: Pick<BundleReader, 'manifest' | 'bundleDigest' | 'signatures'>;
    readonly accepted?: Acceptance | undefined;
  };
  readonly record: SiteRecord | undefined;
}): readonly string[] {
  if (accepted?.by !== 'unsigned' || recordedBundle(record, bundle.bundleDigest) !== undefined) return [];
  const { name, version } = bundle.manifest;
  const why = bundle.signatures.length === 0 ? 'is not signed' : 'is signed, and no allowed signers are named that would check it';
  return [`${name} ${version} ${why}: compare its digest, ${bundle.bundleDigest}, with the one that its builder tells you`];
}

/** How a bundle was accepted, for people. */
export function describeAcceptance(accepted: Acceptance | undefined): string | undefined {
  if (accepted === undefined) return undefined;
  if (accepted.by === 'signature') return `signed by ${accepted.signer} (${accepted.key})`;
  return accepted.by === 'digest' ? 'by its digest' : 'unsigned';
}

/** How the record says that a bundle was accepted. */
export function acceptanceOf(digest: Digest | undefined, record: SiteRecord | undefined): Acceptance | undefined {
  return digest === undefined ? undefined : recordedBundle(record, digest)?.accepted;
}

/** The entry of a bundle in the record; one that says how the bundle was accepted comes before one that does not. */
function recordedBundle(record: SiteRecord | undefined, digest: Digest) {
  const bundles = [record?.bundle, record?.previous, ...(record?.operations ?? []).map(({ bundle }) => bundle).toReversed()];
  const same = bundles.filter((bundle) => bundle?.digest === digest);
  return same.find((bundle) => bundle?.accepted !== undefined) ?? same[0];
}

function requireDigest({ path, bundleDigest }: Pick<BundleReader, 'path' | 'bundleDigest'>, said: Digest | undefined): void {
  if (said === undefined || said === bundleDigest) return;
  throw new CaissonError('DIGEST_MISMATCH', `Cannot install "${path}": its digest is ${bundleDigest}, and --digest says ${said}`, {
    hint: 'Name the digest of its SHA256SUMS, which build-bundle, inspect and verify print, and not that of the file. Where that is what the builder told you, this is another bundle: fetch the right one',
  });
}

function unvouched({ path }: Pick<BundleReader, 'path'>, signatures: readonly BundleSignature[]): CaissonError {
  const hint =
    'Name who may sign it: --allowed-signers FILE; or the digest that its builder told you by another way: --digest sha256:…; or take it as it is: --unsigned';
  return signatures.length === 0
    ? new CaissonError('SIGNATURE_MISSING', `Cannot install "${path}" with --yes: it is not signed`, { hint })
    : new CaissonError('SIGNER_UNKNOWN', `Cannot install "${path}" with --yes: it is signed, and no allowed signers are named`, { hint });
}
