// The order matters: the library's dependency injection needs the metadata API at load.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { CaissonError, type Clock } from '../core/index.ts';

x509.cryptoProvider.set(webcrypto);

export { x509 };

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Upper bound of common names and organizations (RFC 5280, appendix A.1, ub-common-name and ub-organization-name). */
const NAME_LIMIT = 64;

/**
 * A subject of a common name and organizations, built from values, so that a comma in one cannot become another attribute. An empty
 * common name is left out where there are organizations: a subject must not be empty (RFC 5280, 4.1.2.6).
 */
export function subjectOf(commonName: string, organizations: readonly string[] = []): x509.Name {
  const isNamed = commonName !== '' || organizations.length === 0;
  if (isNamed && !isName(commonName)) throw badName(commonName, 'a common name');
  if (!organizations.every(isName)) throw badName(commonName, 'an organization');
  return new x509.Name([
    ...[...new Set(organizations)].map((organization) => ({ O: [valueOf(organization)] })),
    ...(isNamed ? [{ CN: [valueOf(commonName)] }] : []),
  ]);
}

/** The value as it is: the library takes a text alone for a notation, in which quotes and a leading # have a meaning. */
function valueOf(text: string): x509.JsonAttributeObject {
  // RFC 5280, 4.1.2.4: PrintableString or UTF8String.
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? { printableString: text } : { utf8String: text };
}

function isName(name: string): boolean {
  return name !== '' && name.length <= NAME_LIMIT;
}

function badName(commonName: string, what: string): CaissonError {
  return new CaissonError('CERTIFICATE_INVALID', `Cannot certify "${commonName}": ${what} has 1 to ${NAME_LIMIT} characters`);
}

/** 16 random bytes, positive and without a leading zero byte (RFC 5280, 4.1.2.2). */
export function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** From an hour ago, for hosts whose clock is behind, to `days` from now; whole seconds, as DER has them. */
export function lifetime(clock: Clock, days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  if (!Number.isInteger(days) || days < 1) {
    throw new CaissonError('CERTIFICATE_INVALID', `Cannot certify for "${days}" days: it is not a whole number of at least 1`);
  }
  const now = Math.floor(clock.now().getTime() / 1000) * 1000;
  return { notBefore: new Date(now - HOUR), notAfter: new Date(now + days * DAY) };
}

/** Reads the first certificate of a PEM text. Throws CERTIFICATE_INVALID. */
export function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CaissonError('CERTIFICATE_INVALID', 'Cannot read a certificate: it is not PEM with a CERTIFICATE block', { cause });
  }
}

/** The same certificate as the library has it, which issues others by it. Throws CERTIFICATE_INVALID. */
export function parseCertificate(pem: string): x509.X509Certificate {
  return new x509.X509Certificate(readCertificate(pem).raw);
}
