import { formatReceipt, heldBundles, receiptSignaturePath, signReceipt, type BundleReader } from '../../bundle/index.ts';
import { CaissonError, messageOf, type Emit } from '../../core/index.ts';
import { writeFileAtomic } from '../../io/index.ts';
import type { Signer } from '../../sshsig/index.ts';
import type { CommandOutput } from '../command.ts';

/**
 * Writes the receipt of the bundles of a site, for `build-bundle --base` elsewhere, and its signature next to it.
 * Throws BUNDLE_WRITE_FAILED, SIGNING_FAILED.
 */
export async function writeReceipt(
  path: string,
  readers: readonly BundleReader[],
  { signer, emit }: { readonly signer: Signer | undefined; readonly emit: Emit },
): Promise<CommandOutput> {
  const held = heldBundles(readers);
  const text = formatReceipt(held);
  const signature = signer === undefined ? undefined : await signReceipt(text, signer);
  const signaturePath = receiptSignaturePath(path);
  try {
    await writeFileAtomic(path, text);
    if (signature !== undefined) await writeFileAtomic(signaturePath, signature);
  } catch (cause) {
    throw new CaissonError('BUNDLE_WRITE_FAILED', `Cannot write the receipt "${path}": ${messageOf(cause)}`, { cause });
  }
  if (signature === undefined) emit({ type: 'warning', message: 'The receipt is not signed: --sign-key signs it' });
  const lines = held.map(({ name, version, digest, members }) => `  ${name} ${version}, bundle ${digest}, ${members.length} members`);
  return {
    text: [`Wrote ${path}${signature === undefined ? '' : ` and ${signaturePath}`}`, ...lines].join('\n'),
    data: {
      receipt: path,
      ...(signature === undefined ? {} : { signature: signaturePath, signedBy: signer?.key.fingerprint }),
      bundles: held.map(({ name, version, digest, members }) => ({ name, version, digest, members: members.length })),
    },
  };
}
