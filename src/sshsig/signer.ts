import { createAgent, utils, type ParsedKey } from 'ssh2';
import { CaissonError, messageOf } from '../core/index.ts';
import { readSecretFile } from '../io/index.ts';
import { parsePublicKeyLine, publicKeyOf, type PublicKey } from './public-key.ts';

/** Signs with a private key: one in a file, or one that an agent keeps. */
export interface Signer {
  readonly key: PublicKey;
  /** Signs as the key's algorithm does; RSA with SHA-512. Throws SIGNING_FAILED. */
  sign(data: Buffer): Promise<{ readonly algorithm: string; readonly signature: Buffer }>;
}

export interface SignerOptions {
  /** Path of the agent's socket, for public key files. */
  readonly agentSocket?: string | undefined;
  /** Asked for the passphrase of an encrypted key, once; undefined when no person can be asked. */
  readonly askPassphrase: (file: string) => Promise<string | undefined>;
}

/**
 * Opens a signer by file: an OpenSSH private key, or a public key (`.pub`) whose private half the agent keeps. Throws
 * INPUT_UNREADABLE, SECRET_EXPOSED for a private key that is open to others, SIGNING_FAILED.
 */
export async function openSigner(file: string, options: SignerOptions): Promise<Signer> {
  const text = await readSecretFile(file, { isSecret: isPrivateKey });
  return isPrivateKey(text) ? keySigner(await parsePrivateKey(file, text, options)) : agentSigner(file, text, options.agentSocket);
}

function isPrivateKey(text: string): boolean {
  return text.includes('PRIVATE KEY-----');
}

async function parsePrivateKey(file: string, text: string, { askPassphrase }: SignerOptions): Promise<ParsedKey> {
  let parsed = utils.parseKey(text);
  if (parsed instanceof Error && /encrypted/i.test(parsed.message)) {
    const passphrase = await askPassphrase(file);
    if (passphrase === undefined) {
      throw failed(file, 'it is encrypted, and there is nobody to ask for its passphrase', {
        hint: 'Give --passphrase-file, or name its .pub file and let ssh-agent sign',
      });
    }
    parsed = utils.parseKey(text, passphrase);
  }
  // Its messages name no part of the key or the passphrase.
  if (parsed instanceof Error) throw failed(file, parsed.message);
  return parsed;
}

function keySigner(parsed: ParsedKey): Signer {
  const key = publicKeyOf(parsed.getPublicSSH());
  return {
    key,
    sign: async (data) => {
      if (key.type === 'ssh-ed25519') return { algorithm: 'ssh-ed25519', signature: signed(parsed.sign(data)) };
      return { algorithm: 'rsa-sha2-512', signature: signed(parsed.sign(data, 'sha512')) };
    },
  };
}

function signed(result: Buffer | Error): Buffer {
  if (result instanceof Error) throw new CaissonError('SIGNING_FAILED', `Cannot sign: ${result.message}`, { cause: result });
  return result;
}

function agentSigner(file: string, text: string, socket: string | undefined): Signer {
  let key: PublicKey;
  try {
    ({ key } = parsePublicKeyLine(text));
  } catch (cause) {
    throw failed(file, `it is neither an OpenSSH private key nor a public one: ${messageOf(cause)}`, { cause });
  }
  if (socket === undefined || socket === '') {
    throw failed(file, 'it is a public key, and there is no agent that keeps its private half', {
      hint: 'Start ssh-agent and add the key (ssh-add), or name the private key',
    });
  }
  const agent = createAgent(socket);
  const algorithm = key.type === 'ssh-ed25519' ? 'ssh-ed25519' : 'rsa-sha2-512';
  return {
    key,
    sign: (data) =>
      new Promise((resolve, reject) => {
        agent.sign(key.blob, data, { hash: 'sha512' }, (error, signature) => {
          if (signature !== undefined) resolve({ algorithm, signature });
          else
            reject(
              failed(file, `the agent refuses: ${error?.message ?? 'no reason known'}`, { hint: 'Look at its keys with: ssh-add -l' }),
            );
        });
      }),
  };
}

function failed(file: string, reason: string, details: ConstructorParameters<typeof CaissonError>[2] = {}): CaissonError {
  return new CaissonError('SIGNING_FAILED', `Cannot sign with "${file}": ${reason}`, details);
}
