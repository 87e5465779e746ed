import { Readable } from 'node:stream';
import { BundleWriter, planBundle, signedPlan, signPlan, type BundlePlan } from '../../src/bundle/index.ts';
import type { Signer } from '../../src/sshsig/index.ts';
import { small, smallBundle } from './small-bundle.ts';

/** Writes a bundle of one document and signs it during the build. Returns its plan without the signatures. */
export async function writeSignedBundle(output: string, signers: readonly Signer[], text = 'hello\n'): Promise<BundlePlan> {
  const files = [small('documents/hello.txt', text, 'document')];
  const plan = planBundle(smallBundle({ images: [], repositories: [], files }).input);
  const writer = await BundleWriter.create(signedPlan(plan, await signPlan(plan, signers)), output);
  for (const entry of writer.pending()) await writer.fill(entry, Readable.from([]));
  await writer.finish();
  return plan;
}

/** SHA256SUMS of a plan, which signatures sign. */
export function sumsOf(plan: BundlePlan): Uint8Array {
  return plan.members.find(({ path }) => path === 'SHA256SUMS')?.content ?? Buffer.alloc(0);
}
