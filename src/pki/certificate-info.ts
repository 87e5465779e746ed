import { X509Certificate } from 'node:crypto';
import { parseCertificate, x509 } from './x509.ts';

export interface CertificateInfo {
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  /** SHA-256 over the DER bytes, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
}

/** What the first certificate of a PEM text says of itself; nothing is verified. Throws CERTIFICATE_INVALID. */
export function certificateInfo(pem: string): CertificateInfo {
  const certificate = parseCertificate(pem);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  return {
    subject: certificate.subject,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    dnsNames: names.filter((name) => name.type === 'dns').map((name) => name.value),
    addresses: names.filter((name) => name.type === 'ip').map((name) => name.value),
    fingerprint: new X509Certificate(Buffer.from(certificate.rawData)).fingerprint256,
  };
}
