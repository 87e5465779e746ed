import { X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { errnoOf, type Clock } from '../core/index.ts';
import { joinInside, writeFileAtomic } from '../io/index.ts';
import { certificateInfo, createAuthority, issueCertificate, type CertificateUsage, type KeyPair } from '../pki/index.ts';

const AUTHORITY_DAYS = 3650;
const CERTIFICATE_DAYS = 825;
/** A certificate that ends within this time is replaced by the next run. */
const RENEWAL_DAYS = 60;
const DAY = 86_400_000;

export interface CertificateSubject {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  readonly usages: CertificateUsage;
}

/**
 * The certificate authority of this site and every certificate it issued. Both stay on the seed, readable by root
 * alone; nodes get their own pair and the authority's certificate, never its key.
 */
export interface SiteAuthority {
  /** The authority's certificate (PEM), or undefined before the first `obtainAuthority`. */
  peekAuthority(): Promise<string | undefined>;
  obtainAuthority(): Promise<string>;
  /** A certificate that still fits: same names, same authority, not about to end; else undefined. */
  peek(id: string, subject: CertificateSubject): Promise<KeyPair | undefined>;
  obtain(id: string, subject: CertificateSubject): Promise<KeyPair>;
}

export function openSiteAuthority(options: {
  readonly pki: string;
  readonly store: string;
  readonly name: string;
  readonly clock: Clock;
}): SiteAuthority {
  const { clock } = options;
  const authorityPaths = { certificate: joinInside(options.pki, 'ca.crt'), key: joinInside(options.pki, 'ca.key') };
  const pathsOf = (id: string): PairPaths => ({
    certificate: joinInside(options.store, `${id}.crt`),
    key: joinInside(options.store, `${id}.key`),
  });

  const authority = async (): Promise<KeyPair> => {
    const known = await readPair(authorityPaths);
    if (known !== undefined) return known;
    const made = await createAuthority({ commonName: `${options.name} site authority`, days: AUTHORITY_DAYS, clock });
    await mkdir(options.pki, { recursive: true, mode: 0o755 });
    await writePair(authorityPaths, made, 0o644);
    return made;
  };

  const peek = async (id: string, subject: CertificateSubject): Promise<KeyPair | undefined> => {
    const [pair, issuer] = await Promise.all([readPair(pathsOf(id)), readPair(authorityPaths)]);
    if (pair === undefined || issuer === undefined) return undefined;
    return fits(pair, subject, issuer, clock) ? pair : undefined;
  };

  return {
    peekAuthority: async () => (await readPair(authorityPaths))?.certificate,
    obtainAuthority: async () => (await authority()).certificate,
    peek,
    obtain: async (id, subject) => {
      const known = await peek(id, subject);
      if (known !== undefined) return known;
      const made = await issueCertificate(await authority(), { ...subject, days: CERTIFICATE_DAYS, clock });
      await mkdir(options.store, { recursive: true, mode: 0o700 });
      await writePair(pathsOf(id), made, 0o600);
      return made;
    },
  };
}

interface PairPaths {
  readonly certificate: string;
  readonly key: string;
}

async function readPair(paths: PairPaths): Promise<KeyPair | undefined> {
  try {
    const [certificate, key] = await Promise.all([readFile(paths.certificate, 'utf8'), readFile(paths.key, 'utf8')]);
    return { certificate, key };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The certificate is written last: a pair that a crash cut in half has no certificate and is made again. */
async function writePair(paths: PairPaths, pair: KeyPair, certificateMode: number): Promise<void> {
  await writeFileAtomic(paths.key, pair.key, { mode: 0o600 });
  await writeFileAtomic(paths.certificate, pair.certificate, { mode: certificateMode });
}

function fits(pair: KeyPair, subject: CertificateSubject, issuer: KeyPair, clock: Clock): boolean {
  const info = certificateInfo(pair.certificate);
  return (
    sameMembers(info.dnsNames, subject.dnsNames) &&
    sameMembers(info.addresses, subject.addresses) &&
    info.notAfter.getTime() - clock.now().getTime() > RENEWAL_DAYS * DAY &&
    isIssuedBy(pair, issuer)
  );
}

function sameMembers(left: readonly string[], right: readonly string[]): boolean {
  const wanted = new Set(right);
  return new Set(left).size === wanted.size && left.every((member) => wanted.has(member));
}

function isIssuedBy(pair: KeyPair, issuer: KeyPair): boolean {
  return new X509Certificate(pair.certificate).verify(new X509Certificate(issuer.certificate).publicKey);
}
