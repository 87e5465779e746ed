import type { Clock } from '../core/index.ts';
import { generateKeys, importKeys, privateKeyPem, SIGNING, type KeyPair } from './key-pair.ts';
import { lifetime, randomSerial, subjectOf, x509 } from './x509.ts';

export interface AuthorityRequest {
  readonly commonName: string;
  /** Lifetime in days from now; the beginning is set an hour back. */
  readonly days: number;
  readonly clock: Clock;
  /** A P-256 private key (PEM) to certify; a new one by default. */
  readonly key?: string;
}

/**
 * Makes a self-signed P-256 authority that may sign end certificates only (RFC 5280: path length 0).
 * Throws CERTIFICATE_INVALID for a bad name, lifetime or key.
 */
export async function createAuthority(request: AuthorityRequest): Promise<KeyPair> {
  const subject = subjectOf(request.commonName);
  const period = lifetime(request.clock, request.days);
  const keys = request.key === undefined ? await generateKeys() : await importKeys(request.key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject,
    serialNumber: randomSerial(),
    ...period,
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: privateKeyPem(keys.privateKey) };
}
