import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { CaissonError, type Clock } from '../core/index.ts';
import { joinInside, readKeptPair, writeKeptPair, type PairPaths } from '../io/index.ts';
import { createAuthority } from './authority.ts';
import { certificateInfo, infoOf } from './certificate-info.ts';
import { issueCertificate } from './issue.ts';
import type { KeyPair } from './key-pair.ts';
import { hasSubject, type CertificateSubject } from './subject.ts';
import { readCertificate } from './x509.ts';

const AUTHORITY_DAYS = 3650;
/** The end of an authority is announced this long before, because replacing one reaches every node and client. */
const AUTHORITY_WARNING_DAYS = 400;
const DAY = 86_400_000;
/** Days before its end from which on a certificate is issued again. */
export const RENEWAL_DAYS = 60;

export interface KeptAuthorityOptions {
  /** Keeps the certificate and key of the authority: NAME.crt and NAME.key. */
  readonly directory: string;
  /** Keeps what the authority issued: ID.crt and ID.key, under NAME/ unless the name is "ca". */
  readonly store: string;
  /** Tells authorities in one directory apart; "ca" by default. */
  readonly name?: string;
  /**
   * Name of the files of the authority's own certificate and key, where it is not `name`: authorities that follow one another
   * share `store`, and what one of them issued is issued again by the next.
   */
  readonly files?: string | undefined;
  /** The subject of an authority that is made here. */
  readonly commonName: string;
  /** Lifetime of issued certificates; 825 days by default. */
  readonly certificateDays?: number;
  /** A certificate that ends within this many days is issued again; 60 by default. */
  readonly renewalDays?: number;
  /**
   * True when a certificate that has ended together with its authority is kept: nothing can issue it again, and a run that
   * replaces another authority goes on.
   */
  readonly keepEnded?: boolean;
  /** Ids of certificates that are issued again at the next `obtain`, however long they last. */
  readonly renew?: Iterable<string> | undefined;
  readonly clock: Clock;
}

export interface AuthorityCertificate {
  /** PEM. */
  readonly certificate: string;
  /** Said when the authority has ended or ends within 400 days: it is never renewed without being asked for. */
  readonly warning?: string;
}

/**
 * A certificate authority that is made once, and every certificate it issued, in directories of this machine. An authority
 * of which a part is lost or foreign is refused with CERTIFICATE_INVALID, never replaced; only one whose certificate alone
 * is missing gets a certificate for the same key, under which everything issued stays valid. All methods also throw
 * INPUT_UNREADABLE and SECRET_EXPOSED.
 */
export interface KeptAuthority {
  /** Undefined before the first `obtainAuthority`. */
  peekAuthority(): Promise<AuthorityCertificate | undefined>;
  obtainAuthority(): Promise<AuthorityCertificate>;
  /** A certificate that still fits: the same subject and usage, issued by this authority, not about to end; else undefined. */
  peek(id: string, subject: CertificateSubject): Promise<KeyPair | undefined>;
  /** The certificate that `peek` finds, or a new one with a new key. */
  obtain(id: string, subject: CertificateSubject): Promise<KeyPair>;
}

export function openKeptAuthority(options: KeptAuthorityOptions): KeptAuthority {
  const { clock, certificateDays = 825 } = options;
  const toRenew = new Set(options.renew);
  const authorityPaths = pathsIn(options.directory, options.files ?? nameOf(options));
  const pathsOf = (id: string): PairPaths => pathsIn(storeOf(options), id);
  // A run asks for the same certificates once for each host; the same bytes are judged once.
  const isPair = remembered(belongTogether);
  const endOf = remembered((certificate: string) => certificateInfo(certificate).notAfter);
  const parsed = remembered(readCertificate);
  const judge = remembered((candidate: Candidate) => judgePair(candidate, parsed(candidate.issuer.certificate)));
  const describe = ({ certificate }: KeyPair): AuthorityCertificate => withWarning(certificate, endOf(certificate), authorityPaths, clock);

  let known: KeyPair | undefined;
  // Read once: a run asks for it with every certificate of every host.
  const peekPair = async (): Promise<KeyPair | undefined> => (known ??= await readAuthority(authorityPaths, isPair));
  const obtainPair = async (): Promise<KeyPair> => (await peekPair()) ?? makeAuthority(authorityPaths, options);
  const peek = async (id: string, subject: CertificateSubject): Promise<KeyPair | undefined> => {
    if (toRenew.has(id)) return undefined;
    const issuer = await peekPair();
    const pair = issuer === undefined ? undefined : await readPair(pathsOf(id));
    return issuer !== undefined && pair !== undefined && fits(judge({ pair, subject, issuer }), options) ? pair : undefined;
  };

  return {
    async peekAuthority() {
      const known = await peekPair();
      return known === undefined ? undefined : describe(known);
    },
    obtainAuthority: async () => describe(await obtainPair()),
    peek,
    async obtain(id, subject) {
      const known = await peek(id, subject);
      if (known !== undefined) return known;
      const made = await issueCertificate(await obtainPair(), { ...subject, days: certificateDays, clock });
      await writeKeptPair(pathsOf(id), { secret: made.key, open: made.certificate }, { open: 0o600, directory: 0o700 });
      toRenew.delete(id);
      return made;
    },
  };
}

function nameOf({ name = 'ca' }: KeptAuthorityOptions): string {
  return name;
}

function storeOf(options: KeptAuthorityOptions): string {
  return nameOf(options) === 'ca' ? options.store : joinInside(options.store, nameOf(options));
}

function pathsIn(directory: string, name: string): PairPaths {
  return { secret: joinInside(directory, `${name}.key`), open: joinInside(directory, `${name}.crt`) };
}

/** The authority, or undefined when it has no certificate: it was never made, or a crash came before its end. */
async function readAuthority(paths: PairPaths, isPair: (pair: KeyPair) => boolean): Promise<KeyPair | undefined> {
  const { secret, open } = await readKeptPair(paths);
  if (open === undefined) return undefined;
  if (secret === undefined) throw unusable(paths, `its key "${paths.secret}" is missing`);
  const pair = { certificate: open, key: secret };
  if (!isPair(pair)) throw unusable(paths, `"${paths.secret}" is not its key`);
  return pair;
}

async function makeAuthority(paths: PairPaths, { commonName, clock }: KeptAuthorityOptions): Promise<KeyPair> {
  const { secret } = await readKeptPair(paths);
  const made = await createAuthority({ commonName, days: AUTHORITY_DAYS, clock, ...(secret === undefined ? {} : { key: secret }) });
  await writeKeptPair(paths, { secret: made.key, open: made.certificate }, { directory: 0o700 });
  return made;
}

async function readPair(paths: PairPaths): Promise<KeyPair | undefined> {
  const { secret, open } = await readKeptPair(paths);
  return secret === undefined || open === undefined ? undefined : { certificate: open, key: secret };
}

interface Candidate {
  readonly pair: KeyPair;
  readonly subject: CertificateSubject;
  readonly issuer: KeyPair;
}

/** Facts that do not change with time: whether a pair is what it should be, and when it and its authority end. */
interface Judgement {
  readonly isRight: boolean;
  /** Milliseconds since the epoch. */
  readonly end: number;
  readonly issuerEnd: number;
}

function judgePair({ pair, subject }: Candidate, issuer: X509Certificate): Judgement {
  const certificate = readCertificate(pair.certificate);
  const info = infoOf(certificate);
  return {
    isRight: hasSubject(info, subject) && isIssued(certificate, issuer) && isKeyOf(certificate, pair.key),
    end: info.notAfter.getTime(),
    issuerEnd: infoOf(issuer).notAfter.getTime(),
  };
}

function fits(
  { isRight, end, issuerEnd }: Judgement,
  { clock, renewalDays = RENEWAL_DAYS, keepEnded = false }: KeptAuthorityOptions,
): boolean {
  const left = end - clock.now().getTime();
  // A certificate that ends together with its authority would not be longer if it was issued again.
  return isRight && (left > renewalDays * DAY || ((left > 0 || keepEnded) && end >= issuerEnd));
}

/** A pure function that works out the answer for each argument once. */
function remembered<A, R>(work: (argument: A) => R): (argument: A) => R {
  const known = new Map<string, R>();
  return (argument) => {
    const key = JSON.stringify(argument);
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = work(argument);
    known.set(key, made);
    return made;
  };
}

/** True for a certificate with the name and the signature of the issuer. */
function isIssued(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** False for a key of another certificate, and for halves that are no certificate or no key. */
function belongTogether({ certificate, key }: KeyPair): boolean {
  try {
    return isKeyOf(readCertificate(certificate), key);
  } catch {
    return false;
  }
}

/** False for a key of another certificate, and for a text that is no key. */
function isKeyOf(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function withWarning(certificate: string, notAfter: Date, paths: PairPaths, clock: Clock): AuthorityCertificate {
  const days = Math.floor((notAfter.getTime() - clock.now().getTime()) / DAY);
  if (days > AUTHORITY_WARNING_DAYS) return { certificate };
  const when = days < 0 ? `ended on ${dateOf(notAfter)}` : `ends on ${dateOf(notAfter)}, in ${days} days`;
  return { certificate, warning: `The certificate authority "${paths.open}" ${when}; it is replaced only when that is asked for` };
}

function dateOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function unusable(paths: PairPaths, reason: string): CaissonError {
  return new CaissonError('CERTIFICATE_INVALID', `Cannot use the certificate authority "${paths.open}": ${reason}`, {
    hint: 'Restore both files from a backup. Whoever moves both away gets a new authority, and must give it to every node and client',
  });
}
