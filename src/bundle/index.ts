/**
 * The bundle file format, as docs/format.md describes it, in one file or in volumes. `format` holds the manifest and plans a file
 * byte for byte; `hash` makes digests in threads; `volumes` knows the pieces of a bundle that is cut; `read` opens a bundle in
 * place, `write` makes one, `trust` signs and judges signatures, `verify` checks every byte, `delta` compares bundles. Nothing here
 * fetches, and nothing here knows what a bundle is for. Start with format/manifest.ts.
 */
export { baseMisfit } from './read/base-misfit.ts';
export * from './read/bundle-blobs.ts';
export * from './read/bundle-catalog.ts';
export * from './format/bundle-errors.ts';
export * from './read/bundle-tree.ts';
export { differenceOf, type Change } from './delta/difference.ts';
export { groupVolumes, type BundleLocation } from './volumes/find-volumes.ts';
export * from './format/manifest.ts';
export { blobPath, fileName, filePath, GENERATED, LOCK_MEMBER, memberPathProblem, SBOM_JSON, SHA256SUMS } from './format/member-path.ts';
export { closeBundles, openBundles } from './read/open-bundles.ts';
export { PARTIAL, partialPath } from './format/unfinished.ts';
export { openPartialBundle } from './read/partial-bundle.ts';
export { plannedBundle } from './read/planned-bundle.ts';
export { planBundle, type BundleInput, type BundlePlan, type PlannedFile, type PlannedMember } from './format/plan.ts';
export { BundleReader, openBundle, type BundleMember } from './read/reader.ts';
export { formatReceipt, heldBundles, looksLikeReceipt, parseReceipt, unitedHeld, type HeldBundle } from './delta/receipt.ts';
export { signBundle, signPlan } from './trust/sign-bundle.ts';
export { signedPlan } from './format/signature-members.ts';
export {
  checkSignatures,
  describeSignature,
  distrustOf,
  readTrust,
  receiptSignaturePath,
  requireReceiptTrust,
  requireTrust,
  signReceipt,
  type BundleSignature,
  type Trust,
  type TrustFiles,
} from './trust/trust.ts';
export { VerifyFailedError, type VerifyReport } from './verify/verify-report.ts';
export { verifyBundle } from './verify/verify.ts';
export { outputParts, parseVolumeSize } from './volumes/volume-layout.ts';
export { VolumesError } from './volumes/volumes-error.ts';
export { beginBundle } from './write/begin-bundle.ts';
export { missingMembers, type MissingMembers } from './write/missing-members.ts';
export { BundleWriter } from './write/writer.ts';
