import type { SignOptions } from '../format.ts';
import type { RpmBundleRepository } from './documents.ts';

const REPOMD_LIMIT = 4 * 1024 * 1024;
const REPOMD = 'repodata/repomd.xml';

/** The signature over repomd.xml of a repository in a bundle. The same bytes, key and date give the same signature. */
export async function signRpmRepository(
  { path }: RpmBundleRepository,
  { key, date, read }: SignOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const repomd = await read(`${path}/${REPOMD}`, { limit: REPOMD_LIMIT });
  return new Map([[`${REPOMD}.asc`, Buffer.from(await signDetached(repomd, key.privateKey, date))]]);
}

/** A detached, armored signature made at `date`. */
export async function signDetached(content: Uint8Array, privateKey: string, date: Date): Promise<string> {
  const { createMessage, readPrivateKey, sign } = await import('openpgp');
  const signed: unknown = await sign({
    message: await createMessage({ binary: Uint8Array.from(content) }),
    signingKeys: await readPrivateKey({ armoredKey: privateKey }),
    detached: true,
    format: 'armored',
    date,
    config: { nonDeterministicSignaturesViaNotation: false },
  });
  if (typeof signed !== 'string') throw new Error('openpgp did not give text');
  return signed.replaceAll('\r\n', '\n');
}
