import type { X509Certificate } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { CaissonError } from '../core/index.ts';
import { usageOf, type CertificateUsage } from './usage.ts';
import { readCertificate } from './x509.ts';

export interface CertificateInfo {
  /** Its attributes in their order, as RFC 2253 writes each: O=admins, CN=a. */
  readonly subject: string;
  readonly commonName: string | undefined;
  readonly organizations: readonly string[];
  /** Undefined when it is limited to other purposes than the ones we issue for, or to none. */
  readonly usages: CertificateUsage | undefined;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly dnsNames: readonly string[];
  /** In canonical form. */
  readonly addresses: readonly string[];
  /** SHA-256 over the DER bytes, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
}

/** The fields of the first certificate of a PEM text; no signature is verified. Throws CERTIFICATE_INVALID. */
export function certificateInfo(pem: string): CertificateInfo {
  return infoOf(readCertificate(pem));
}

/** The fields of a certificate. Throws CERTIFICATE_INVALID where one of them is not as its type has it. OpenSSL reads them: it is many times faster than a parser in JavaScript, and a site has thousands. */
export function infoOf(certificate: X509Certificate): CertificateInfo {
  const names = alternativeNames(certificate.subjectAltName ?? '');
  const { CN, O }: { readonly CN?: unknown; readonly O?: unknown } = certificate.toLegacyObject().subject ?? {};
  return {
    subject: (certificate.subject ?? '').split('\n').join(', '),
    commonName: valuesOf(CN)[0],
    organizations: valuesOf(O),
    usages: usageOf(certificate.keyUsage ?? []),
    notBefore: timeOf(certificate.validFrom),
    notAfter: timeOf(certificate.validTo),
    dnsNames: names.filter(({ type }) => type === 'DNS').map(({ name }) => name),
    addresses: names.filter(({ type }) => type === 'IP Address').map(({ name }) => addressOf(name)),
    fingerprint: certificate.fingerprint256,
  };
}

function timeOf(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw badField(`its lifetime has "${text}"`);
  return date;
}

function addressOf(text: string): string {
  if (!ipaddr.isValid(text)) throw badField(`it names the address "${text}"`);
  return ipaddr.parse(text).toString();
}

function badField(reason: string): CaissonError {
  return new CaissonError('CERTIFICATE_INVALID', `Cannot read a certificate: ${reason}`);
}

/** An attribute that a subject has once is a string there, and one that it has several times a list. */
function valuesOf(attribute: unknown): readonly string[] {
  return [attribute].flat().filter((value) => typeof value === 'string');
}

/** Parses the alternative names as Node writes them: TYPE:NAME, separated by a comma and a space, with a name of unusual characters as a JSON string. */
function alternativeNames(text: string): readonly { readonly type: string; readonly name: string }[] {
  return [...text.matchAll(/(?:^|, )([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(([, type = '', name = '']) => ({
    type,
    name: name.startsWith('"') ? String(JSON.parse(name)) : name,
  }));
}
