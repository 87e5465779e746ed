import { x509 } from './x509.ts';

export type CertificateUsage = 'server' | 'client' | 'both';

export const PURPOSES: Readonly<Record<CertificateUsage, readonly string[]>> = {
  server: [x509.ExtendedKeyUsage.serverAuth],
  client: [x509.ExtendedKeyUsage.clientAuth],
  both: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
};

/** The usage of a certificate with these extended key usages; undefined when it has other ones or none. */
export function usageOf(purposes: readonly string[]): CertificateUsage | undefined {
  const known = ['server', 'client', 'both'] as const;
  return known.find((usage) => PURPOSES[usage].length === purposes.length && PURPOSES[usage].every((each) => purposes.includes(each)));
}
