import ipaddr from 'ipaddr.js';
import type { CertificateInfo } from './certificate-info.ts';
import type { CertificateUsage } from './usage.ts';

/** Whom a certificate is for. */
export interface CertificateSubject {
  /** Empty for none, which needs an organization. */
  readonly commonName: string;
  /** For instance "system:nodes", which Kubernetes reads as groups; none by default. */
  readonly organizations?: readonly string[];
  /** Host names; the first label may be `*`. */
  readonly dnsNames: readonly string[];
  /** IPv4 and IPv6 addresses. */
  readonly addresses: readonly string[];
  readonly usages: CertificateUsage;
}

/** Whether a certificate says exactly this of its subject; the order of names does not matter. */
export function hasSubject(info: CertificateInfo, subject: CertificateSubject): boolean {
  return (
    (info.commonName ?? '') === subject.commonName &&
    info.usages === subject.usages &&
    sameMembers(info.organizations, subject.organizations ?? []) &&
    sameMembers(info.dnsNames, subject.dnsNames) &&
    sameMembers(info.addresses.map(canonical), subject.addresses.map(canonical))
  );
}

/** One spelling for each address, as IPv6 has several. */
function canonical(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.parse(address).toString() : address;
}

function sameMembers(left: readonly string[], right: readonly string[]): boolean {
  const wanted = new Set(right);
  return new Set(left).size === wanted.size && left.every((member) => wanted.has(member));
}
