import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto';
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
  try {
    const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
    return await webcrypto.subtle.importKey('pkcs8', der, P256, false, ['sign']);
  } catch (cause) {
    throw new CaissonError('CERTIFICATE_INVALID', 'Cannot use the private key of the authority: it is not a P-256 key in PEM', { cause });
  }
}
