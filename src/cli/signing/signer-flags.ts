import type { Command } from 'commander';
import { readPasswordFile } from '../../io/index.ts';
import { openSigner, type Signer } from '../../sshsig/index.ts';
import type { CommandContext } from '../command.ts';
import { collect } from '../collect.ts';

export interface SignerFlags {
  readonly signKey?: readonly string[];
  readonly passphraseFile?: string;
}

/** Adds the flags that name the keys to sign with. */
export function addSignerFlags(command: Command): Command {
  return command
    .option('--sign-key <file>', 'OpenSSH private key (Ed25519, RSA), or a .pub file whose key the agent has; may be repeated', collect)
    .option('--passphrase-file <file>', 'the passphrase of the keys, instead of a question');
}

/**
 * Opens all signers, so that a missing key or wrong passphrase is reported before any long work. Throws what openSigner
 * throws, SECRET_EXPOSED for a passphrase file that others can read.
 */
export async function signersOf(
  flags: SignerFlags,
  { env, askSecret }: Pick<CommandContext, 'env' | 'askSecret'>,
): Promise<readonly Signer[]> {
  const { signKey = [], passphraseFile } = flags;
  const signers: Signer[] = [];
  const askPassphrase = async (file: string): Promise<string | undefined> =>
    passphraseFile === undefined ? askSecret(`Passphrase of ${file}`) : readPasswordFile(passphraseFile);
  for (const file of signKey) signers.push(await openSigner(file, { agentSocket: env['SSH_AUTH_SOCK'], askPassphrase }));
  return signers;
}
