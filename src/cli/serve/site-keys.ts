import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, messageOf, type Clock } from '../../core/index.ts';
import { makeRepositoryKey, parseRepositoryKey } from '../../depot/index.ts';
import { writeFileAtomic } from '../../io/index.ts';
import type { RepositoryKeyPair } from '../../ospkg/index.ts';
import { certificateInfo, createAuthority, type KeyPair } from '../../pki/index.ts';
import { readSecretFile, readTextFile, readTextIfPresent } from './secret-file.ts';

const AUTHORITY_DAYS = 3650;
/** An authority this close to its end is replaced, so that no certificate of a usual lifetime is cut short. */
const AUTHORITY_RENEWAL_DAYS = 400;
const DAY = 86_400_000;

/** Reads a repository key: FILE, and for the public half also the file beside it that ends in .asc. */
export async function loadRepositoryKey(file: string): Promise<RepositoryKeyPair> {
  const own = await readSecretFile(file);
  const beside = (await readTextIfPresent(file.replace(/(?:\.[A-Za-z0-9]+)?$/, '.asc'))) ?? '';
  return parseRepositoryKey(`${own}\n${beside}`, file);
}

/** The repository key kept in a directory (repository.key, repository.asc), made there the first time. */
export async function obtainRepositoryKey(state: string): Promise<RepositoryKeyPair> {
  const [key, publicKey] = [join(state, 'repository.key'), join(state, 'repository.asc')];
  // The public half is written last: a pair that was cut in half is made again.
  if ((await readTextIfPresent(publicKey)) !== undefined) return loadRepositoryKey(key);
  const made = await makeRepositoryKey();
  await save(state, async () => {
    await writeFileAtomic(key, made.privateKey, { mode: 0o600 });
    await writeFileAtomic(publicKey, made.publicKey, { mode: 0o644 });
  });
  return made;
}

/** The authority kept in a directory (ca.key, ca.crt), made there the first time and when its end is near. */
export async function obtainAuthority(state: string, clock: Clock): Promise<KeyPair> {
  const [keyFile, certificateFile] = [join(state, 'ca.key'), join(state, 'ca.crt')];
  const certificate = await readTextIfPresent(certificateFile);
  if (certificate !== undefined && daysLeft(certificate, clock) > AUTHORITY_RENEWAL_DAYS) {
    return { certificate, key: await readSecretFile(keyFile) };
  }
  const made = await makeAuthority(clock);
  await save(state, async () => {
    await writeFileAtomic(keyFile, made.key, { mode: 0o600 });
    await writeFileAtomic(certificateFile, made.certificate, { mode: 0o644 });
  });
  return made;
}

export async function makeAuthority(clock: Clock): Promise<KeyPair> {
  return createAuthority({ commonName: 'Caisson depot authority', days: AUTHORITY_DAYS, clock });
}

/** Days until the certificate ends; negative afterwards. */
export function daysLeft(certificate: string, clock: Clock): number {
  return (certificateInfo(certificate).notAfter.getTime() - clock.now().getTime()) / DAY;
}

/** Reads a certificate with its key. */
export async function loadKeyPair(certificateFile: string, keyFile: string): Promise<KeyPair> {
  return { certificate: await readTextFile(certificateFile), key: await readSecretFile(keyFile) };
}

async function save(state: string, write: () => Promise<void>): Promise<void> {
  try {
    await mkdir(state, { recursive: true, mode: 0o700 });
    await write();
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot keep keys in "${state}": ${messageOf(cause)}`, { cause });
  }
}
