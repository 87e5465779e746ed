import { createPrivateKey, X509Certificate } from 'node:crypto';
import { CaissonError, InvalidInputError } from '../../core/index.ts';
import { readSecretFile } from '../../io/index.ts';

/**
 * Reads the files of --client-certificate HOST=FILE: certificates with their keys (PEM) by host, with its port if it has
 * one. Throws USAGE for a value of another form and for a host that is named twice, INPUT_UNREADABLE and SECRET_EXPOSED,
 * INPUT_INVALID for a file without a certificate and its key, or with another key.
 */
export async function readClientCertificates(values: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const value of values) {
    const equals = value.indexOf('=');
    const host = value.slice(0, Math.max(equals, 0)).toLowerCase();
    const file = value.slice(equals + 1);
    if (!/^[a-z0-9.:[\]-]+$/.test(host) || file === '') {
      throw new CaissonError('USAGE', `Cannot use --client-certificate "${value}": it is not HOST=FILE`, {
        hint: 'Write it as --client-certificate deb.example.com=client.pem; the file holds the certificate and its key',
      });
    }
    if (found.has(host)) throw new CaissonError('USAGE', `Cannot use --client-certificate "${value}": "${host}" has one already`);
    const text = await readSecretFile(file);
    if (!isCertificateWithKey(text)) {
      throw new InvalidInputError(file, [
        {
          reason: 'it does not hold a certificate and the key of this certificate in PEM form',
          remedy: 'write both into it, the key without a passphrase: cat client.crt client.key > client.pem',
        },
      ]);
    }
    found.set(host, text);
  }
  return found;
}

function isCertificateWithKey(text: string): boolean {
  try {
    return new X509Certificate(text).checkPrivateKey(createPrivateKey(text));
  } catch {
    return false;
  }
}
