import ipaddr from 'ipaddr.js';
import { CaissonError, type Clock } from '../core/index.ts';
import { generateKeys, importPrivateKey, privateKeyPem, SIGNING, type KeyPair } from './key-pair.ts';
import type { CertificateSubject } from './subject.ts';
import { PURPOSES } from './usage.ts';
import { lifetime, parseCertificate, randomSerial, subjectOf, x509 } from './x509.ts';

export interface CertificateRequest extends CertificateSubject {
  /** Lifetime in days from now; cut at the end of the authority's own. */
  readonly days: number;
  readonly clock: Clock;
}

const DNS_NAME = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const DNS_NAME_LIMIT = 253;

/**
 * Issues an end certificate with a fresh P-256 key. The authority signs directly, so the certificate alone is the
 * chain. Throws CERTIFICATE_INVALID for a bad name, address or lifetime, and for an authority that has ended.
 */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const subject = subjectOf(request.commonName, request.organizations);
  const names = alternativeNames(request);
  const issuer = parseCertificate(authority.certificate);
  const period = lifetime(request.clock, request.days);
  if (issuer.notAfter.getTime() <= request.clock.now().getTime()) {
    throw new CaissonError(
      'CERTIFICATE_INVALID',
      `Cannot certify "${request.commonName}": the authority ended at ${issuer.notAfter.toISOString()}`,
      {
        hint: 'Replace the authority; that of a site with: caisson certificates rotate AUTHORITY',
      },
    );
  }
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer.subjectName,
    serialNumber: randomSerial(),
    notBefore: later(period.notBefore, issuer.notBefore),
    notAfter: earlier(period.notAfter, issuer.notAfter),
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(authority.key),
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([...PURPOSES[request.usages]]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: privateKeyPem(keys.privateKey) };
}

function alternativeNames(request: CertificateRequest): x509.JsonGeneralName[] {
  const wrong = [
    ...request.dnsNames
      .filter((name) => !DNS_NAME.test(name) || name.length > DNS_NAME_LIMIT)
      .map((name) => `"${name}" is not a host name`),
    ...request.addresses.filter((address) => !isAddress(address)).map((address) => `"${address}" is not an IP address`),
  ];
  if (wrong.length > 0) throw new CaissonError('CERTIFICATE_INVALID', `Cannot certify "${request.commonName}": ${wrong.join(', ')}`);
  return [
    ...[...new Set(request.dnsNames)].map((value) => ({ type: 'dns' as const, value })),
    ...[...new Set(request.addresses)].map((value) => ({ type: 'ip' as const, value })),
  ];
}

function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes('%'));
}

function earlier(left: Date, right: Date): Date {
  return left < right ? left : right;
}

function later(left: Date, right: Date): Date {
  return left > right ? left : right;
}
