import { X509Certificate } from 'node:crypto';
import { usageOf, type CertificateUsage } from './usage.ts';
import { parseCertificate, x509 } from './x509.ts';

export interface CertificateInfo {
  readonly subject: string;
  readonly commonName: string | undefined;
  readonly organizations: readonly string[];
  /** Undefined when it is limited to other purposes than the ones we issue for, or to none. */
  readonly usages: CertificateUsage | undefined;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  /** SHA-256 over the DER bytes, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
}

/** The fields of the first certificate of a PEM text; no signature is verified. Throws CERTIFICATE_INVALID. */
export function certificateInfo(pem: string): CertificateInfo {
  const certificate = parseCertificate(pem);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const purposes = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  return {
    subject: certificate.subject,
    commonName: certificate.subjectName.getField('CN')[0],
    organizations: certificate.subjectName.getField('O'),
    usages: usageOf(purposes.map(String)),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    dnsNames: names.filter((name) => name.type === 'dns').map((name) => name.value),
    addresses: names.filter((name) => name.type === 'ip').map((name) => name.value),
    fingerprint: new X509Certificate(Buffer.from(certificate.rawData)).fingerprint256,
  };
}
