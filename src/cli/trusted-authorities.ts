import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CaissonError, InvalidInputError, messageOf } from '../core/index.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * Reads the certificates in the files of --ca, each as PEM. Throws INPUT_UNREADABLE for a file that cannot be read,
 * INPUT_INVALID for one without a certificate or with a damaged one.
 */
export async function readTrustedAuthorities(files: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${file}": ${messageOf(error)}`, { cause: error });
    });
    const certificates = text.match(CERTIFICATE) ?? [];
    if (certificates.length === 0) {
      throw new InvalidInputError(file, [{ reason: 'it holds no certificate in PEM form', remedy: 'want -----BEGIN CERTIFICATE-----' }]);
    }
    const problems = certificates.flatMap((pem, index) =>
      isCertificate(pem) ? [] : [{ reason: `its certificate ${index + 1} is damaged` }],
    );
    if (problems.length > 0) throw new InvalidInputError(file, problems);
    found.push(...certificates);
  }
  return found;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.byteLength > 0;
  } catch {
    return false;
  }
}
