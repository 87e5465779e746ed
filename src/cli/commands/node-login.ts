import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CaissonError, hasCode } from '../../core/index.ts';
import { readIdentity, type FirstLogin } from '../../ssh/index.ts';
import { readPasswordFile } from '../../io/index.ts';
import { tryLogin, type NodeChange, type OperationOptions, type ShownKey } from '../../usecases/index.ts';
import type { CommandContext } from '../command.ts';

/** Flags that say how to log in to a machine once. */
export interface LoginFlags {
  readonly rootPass?: boolean;
  readonly rootPassFile?: string;
  readonly privateKey?: string;
}

/** Adds the flags for a login that is used once. No flag takes a password: arguments are seen by every user of a machine. */
export function addLoginFlags(command: Command): Command {
  return command
    .option('--root-pass', 'ask for the password of the node on the terminal; used once, then the site logs in by a key of its own')
    .option('--root-pass-file <file>', 'file (mode 0600) with the password of the node in the first line; used once, as above')
    .option('--private-key <file>', 'private key that may log in to the node; used once, as above');
}

/** Reads the login that the flags name; undefined when they name none. Throws USAGE for more than one. */
export async function readLogin(flags: LoginFlags, name: string, context: CommandContext): Promise<FirstLogin | undefined> {
  const { rootPass, rootPassFile, privateKey } = flags;
  if ([rootPass, rootPassFile, privateKey].filter((flag) => flag !== undefined).length > 1) {
    throw new CaissonError('USAGE', 'Cannot log in by several of --root-pass, --root-pass-file and --private-key', {
      hint: 'Give one of them',
    });
  }
  if (rootPassFile !== undefined) return { password: await readPasswordFile(resolve(rootPassFile)) };
  if (privateKey !== undefined) return { identity: await readKey(resolve(privateKey), context) };
  if (rootPass !== true) return undefined;
  const password = await context.askSecret(`Password of "${name}"`);
  if (password !== undefined && password !== '') return { password };
  throw new CaissonError(
    'USAGE',
    `Cannot log in to "${name}": ${password === '' ? 'the password is empty' : 'there is no terminal to ask for its password on'}`,
    {
      hint: 'Write it into a file of mode 0600 and give --root-pass-file',
    },
  );
}

async function readKey(file: string, context: CommandContext) {
  try {
    return await readIdentity(file, undefined);
  } catch (error) {
    if (!hasCode(error, 'HOST_AUTH_FAILED')) throw error;
    const passphrase = await context.askSecret(`Passphrase of "${file}", where it has one`);
    if (passphrase === undefined || passphrase === '') throw error;
    return readIdentity(file, passphrase);
  }
}

/**
 * Logs in once by what the change gives, so that a wrong password or an unknown host key is said before anything is
 * planned. Returns the change with the fingerprint that the operator compared and accepted. Throws HOST_KEY_UNKNOWN when it
 * is refused, or when there is no terminal; --yes does not accept it.
 */
export async function withKnownHost<C extends NodeChange & { readonly what: 'add' | 'replace' }>(
  change: C,
  options: OperationOptions,
  context: CommandContext,
): Promise<C> {
  const shown = change.login === undefined ? undefined : await tryLogin(options, change);
  if (shown === undefined) return change;
  if (change.what === 'replace') return { ...change, hostKey: await acceptHostKey(shown, change, context) };
  const hostKey = await acceptHostKey(shown, change.node, context);
  return { ...change, node: { ...change.node, ssh: { ...change.node.ssh, hostKey } } };
}

/** Asks about a host key that is in no known_hosts file, and returns its fingerprint. Throws HOST_KEY_UNKNOWN as withKnownHost does. */
export async function acceptHostKey(
  { fingerprint, keyType }: ShownKey,
  { name, address }: { readonly name: string; readonly address: string },
  context: CommandContext,
): Promise<string> {
  const compare = 'for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf "$f"; done';
  const answer = await context.confirm('Is it the key of this machine?', [
    `"${name}" at ${address} shows the ${keyType} key ${fingerprint}, which nobody has vouched for`,
    `Compare, on its own console: ${compare}`,
  ]);
  if (answer === true) return fingerprint;
  const reason = answer === undefined ? 'there is no terminal to ask on' : 'it was not accepted';
  throw new CaissonError(
    'HOST_KEY_UNKNOWN',
    `Cannot trust "${name}" at ${address}: it shows the ${keyType} key ${fingerprint}, and ${reason}`,
    {
      hint: `Compare, on its own console: ${compare}\nWhen it is the same, give: --host-key ${fingerprint}`,
    },
  );
}
