import type { SignOptions } from '../format.ts';
import { dearmor } from '../repository-key.ts';
import type { AptBundleRepository } from './documents.ts';

const RELEASE_LIMIT = 4 * 1024 * 1024;

export interface ReleaseSignature {
  /** The content of InRelease. */
  readonly inRelease: string;
  /** The content of Release.gpg: a detached, armored signature. */
  readonly signature: string;
}

/** Signatures over the Release of a repository in a bundle, and the key in the form of `signed-by` files that end in .gpg. */
export async function signBundleRepository(
  { path, codename }: AptBundleRepository,
  { key, date, read }: SignOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const directory = `dists/${codename}`;
  const release = await read(`${path}/${directory}/Release`, { limit: RELEASE_LIMIT });
  const { inRelease, signature } = await signRelease(release.toString('utf8'), key.privateKey, date);
  return new Map([
    [`${directory}/InRelease`, Buffer.from(inRelease)],
    [`${directory}/Release.gpg`, Buffer.from(signature)],
    ['key.gpg', dearmor(key.publicKey)],
  ]);
}

/**
 * Signs a Release file at `date`. The same text, key and date give the same bytes. InRelease holds the very lines of the
 * file: the line break before the signature is not part of the signed text (RFC 9580 section 7), and line breaks are
 * signed as CRLF however they are stored.
 */
export async function signRelease(release: string, privateKey: string, date: Date): Promise<ReleaseSignature> {
  const { createCleartextMessage, createMessage, readPrivateKey, sign } = await import('openpgp');
  const signingKeys = await readPrivateKey({ armoredKey: privateKey });
  const options = { signingKeys, date, config: { nonDeterministicSignaturesViaNotation: false } };
  const inRelease = armored(await sign({ message: await createCleartextMessage({ text: release.replace(/\n$/, '') }), ...options }));
  const message = await createMessage({ binary: new TextEncoder().encode(release) });
  const signature = armored(await sign({ message, detached: true, format: 'armored', ...options }));
  return { inRelease: inRelease.replaceAll('\r\n', '\n'), signature };
}

/** The types of openpgp name web streams, whose types Node does not have. */
function armored(signed: unknown): string {
  if (typeof signed !== 'string') throw new Error('openpgp did not give text');
  return signed;
}
