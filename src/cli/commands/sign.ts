import { signBundle } from '../../bundle/index.ts';
import { CaissonError } from '../../core/index.ts';
import type { RegisterCommand } from '../command.ts';
import { addSignerFlags, signersOf, type SignerFlags } from '../signing/signer-flags.ts';

/** `caisson sign BUNDLE --sign-key FILE`: adds signatures to a bundle in place. */
export const registerSign: RegisterCommand = (program, run) => {
  const command = program
    .command('sign')
    .description('sign a bundle that is there already; verify it first, since signing vouches for it')
    .argument('<bundle>', 'the bundle file');
  addSignerFlags(command).action((bundle: string, flags: SignerFlags) =>
    run(async (context) => {
      const signers = await signersOf(flags, context);
      if (signers.length === 0)
        throw new CaissonError('USAGE', 'Cannot sign without --sign-key', { hint: 'Make one with: ssh-keygen -t ed25519' });
      const added = await signBundle(bundle, signers);
      const text = added.length === 0 ? `${bundle} has these signatures already` : `${bundle} was signed: ${added.join(', ')}`;
      context.print({ text, data: { bundle, added, keys: signers.map(({ key }) => key.fingerprint) } });
    }),
  );
};
