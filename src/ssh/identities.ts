import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { utils } from 'ssh2';
import { CaissonError, errnoOf } from '../core/index.ts';
import { readPasswordFile, readSecretFile } from '../io/index.ts';
import { WireReader } from '../sshsig/index.ts';
import type { SshIdentity } from './ssh-credentials.ts';
import type { SshConfigEntry } from './ssh-config.ts';
import { locateFile, type LoginPlaces, type SshLogin } from './ssh-login.ts';
import { parseUserCertificate } from './user-certificate.ts';

/** Names of private keys in ~/.ssh that a login tries when none is named. */
export const USUAL_IDENTITIES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * Returns the private key that cluster.yaml names; otherwise those keys of the ssh configuration, or else the usual
 * ones, that exist. Throws what readIdentity throws.
 */
export async function readIdentities(
  ssh: SshLogin,
  configured: Pick<SshConfigEntry, 'identityFiles' | 'certificateFiles'>,
  places: LoginPlaces & { readonly home: string },
): Promise<readonly SshIdentity[]> {
  const passphrase = ssh.passphraseFile === undefined ? undefined : await readPasswordFile(locateFile(ssh.passphraseFile, places));
  const { identityFiles, certificateFiles } = configured;
  if (ssh.identityFile !== undefined) {
    return withCertificates([await readIdentity(locateFile(ssh.identityFile, places), passphrase)], certificateFiles);
  }
  const files = identityFiles.length > 0 ? identityFiles : USUAL_IDENTITIES.map((name) => join(places.home, '.ssh', name));
  const identities: SshIdentity[] = [];
  for (const file of files) {
    if ((await readOptional(file)) === undefined) continue;
    const identity = { file, key: await readSecretFile(file), ...(passphrase === undefined ? {} : { passphrase }) };
    // A key whose passphrase we do not have is skipped here; the agent may have it.
    if (!(utils.parseKey(identity.key, identity.passphrase) instanceof Error)) identities.push(identity);
  }
  return withCertificates(identities, certificateFiles);
}

/** Adds certificates to keys: `id-cert.pub`, which ssh-keygen writes for `id`, and those that the ssh configuration names. */
async function withCertificates(identities: readonly SshIdentity[], named: readonly string[]): Promise<readonly SshIdentity[]> {
  return Promise.all(
    identities.map(async (identity) => {
      const files = [...new Set([`${identity.file}-cert.pub`, ...named])];
      const found = await Promise.all(files.map(async (file) => ({ file, blob: parseUserCertificate((await readOptional(file)) ?? '') })));
      const own = keyIn(identity);
      const certificates = found.flatMap(({ file, blob }) => (blob !== undefined && blob.includes(own) ? [{ file, blob }] : []));
      return certificates.length === 0 ? identity : { ...identity, certificates };
    }),
  );
}

/** Returns the last field of the public key. A certificate for the key contains it. */
function keyIn({ key, passphrase }: SshIdentity): Buffer {
  const parsed = utils.parseKey(key, passphrase);
  if (parsed instanceof Error) throw parsed;
  const reader = new WireReader(parsed.getPublicSSH());
  let field = reader.string();
  while (reader.rest > 0) field = reader.string();
  return field;
}

/**
 * Reads a private key. Throws what readSecretFile throws, and HOST_AUTH_FAILED for a file that is not a key or needs
 * another passphrase.
 */
export async function readIdentity(file: string, passphrase: string | undefined): Promise<SshIdentity> {
  const key = await readSecretFile(file);
  const parsed = utils.parseKey(key, passphrase);
  if (!(parsed instanceof Error)) return { file, key, ...(passphrase === undefined ? {} : { passphrase }) };
  const encrypted = /passphrase|encrypted|integrity/i.test(parsed.message);
  throw new CaissonError('HOST_AUTH_FAILED', `Cannot use the key "${file}": ${parsed.message}`, {
    cause: parsed,
    ...(encrypted ? { hint: 'Set ssh.passphraseFile in cluster.yaml, or ssh-add the key to an agent and leave ssh.identityFile out' } : {}),
  });
}

/** Returns the text of a file, or undefined when it does not exist. Throws INPUT_UNREADABLE when it cannot be read. */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${errnoOf(error) ?? 'unknown reason'}`, { cause: error });
  }
}
