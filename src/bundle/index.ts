/**
 * The bundle file format, as docs/format.md describes it: what is in a bundle (manifest.ts), planning a file byte for
 * byte (plan.ts), writing it (writer.ts), reading it in place (reader.ts and the views beside it), checking it
 * (verify.ts). Nothing here fetches, and nothing here knows what a bundle is for.
 */
export * from './bundle-blobs.ts';
export * from './bundle-catalog.ts';
export * from './bundle-errors.ts';
export * from './bundle-tree.ts';
export { differenceOf, type BundleDifference, type Change } from './difference.ts';
export { groupVolumes, type BundleLocation } from './find-volumes.ts';
export * from './manifest.ts';
export { blobPath, BUNDLE_JSON, SBOM_JSON, SHA256SUMS } from './member-path.ts';
export { closeBundles, openBundles, type OpenBundlesOptions } from './open-bundles.ts';
export { planBundle, type BundleInput, type BundlePlan, type PlannedFile, type PlannedMember } from './plan.ts';
export { BundleReader, openBundle, type BundleMember, type ReadOptions } from './reader.ts';
export { formatReceipt, heldBundles, looksLikeReceipt, parseReceipt, unitedHeld, type HeldBundle } from './receipt.ts';
export { signBundle, signPlan } from './sign-bundle.ts';
export { signedPlan } from './signature-members.ts';
export {
  checkSignatures,
  distrustOf,
  readTrust,
  receiptSignaturePath,
  requireReceiptTrust,
  requireTrust,
  signReceipt,
  type BundleSignature,
  type Trust,
  type TrustFiles,
} from './trust.ts';
export type { VerifyReport } from './verify-report.ts';
export { verifyBundle, type VerifyOptions } from './verify.ts';
export { outputParts, parseVolumeSize, type OutputPart } from './volume-layout.ts';
export { VolumesError, type VolumeProblem } from './volumes-error.ts';
export { BundleWriter, type WriterOptions } from './writer.ts';
