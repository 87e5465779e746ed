import { createPrivateKey, createPublicKey, KeyObject, webcrypto } from 'node:crypto';
import { CaissonError } from '../core/index.ts';

/** A certificate and its private key (PKCS #8), both PEM. The key is a secret: 0600 on disk, never in a log. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

export const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;

export async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
}

export function privateKeyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Reads a P-256 private key. Throws CERTIFICATE_INVALID. */
export async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  return (await importKeys(pem)).privateKey;
}

/** Reads a P-256 private key and derives its public key. Throws CERTIFICATE_INVALID. */
export async function importKeys(pem: string): Promise<webcrypto.CryptoKeyPair> {
  try {
    const key = createPrivateKey(pem);
    const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
    return {
      privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, P256, true, ['sign']),
      publicKey: await webcrypto.subtle.importKey('spki', spki, P256, true, ['verify']),
    };
  } catch (cause) {
    throw new CaissonError('CERTIFICATE_INVALID', 'Cannot use the private key of the authority: it is not a P-256 key in PEM', { cause });
  }
}
