import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { CaissonError, type Clock, type Emit } from '../../core/index.ts';
import { readSecretFile, readTextFile } from '../../io/index.ts';
import {
  certificateInfo,
  createAuthority,
  issueCertificate,
  openKeptAuthority,
  type CertificateSubject,
  type KeyPair,
} from '../../pki/index.ts';
import { reachableAddresses, type ListenAddress } from './listen-address.ts';

export interface TlsFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsGenerate?: boolean;
  readonly tlsName?: readonly string[];
  readonly state?: string;
}

/** Where the key material of a server comes from, now and when it is renewed. */
export interface TlsSource {
  readonly material: KeyPair;
  /** The authority that was made for it: what clients must trust. */
  readonly authority?: { readonly path: string; readonly fingerprint: string };
  /** Other material, when there is some by now. */
  renew(): Promise<KeyPair | undefined>;
  /** Removes what was written for this run only. */
  dispose(): Promise<void>;
}

/** An authority that certifies this server. */
interface Issuer {
  readonly certificate: string;
  /** File with that certificate. */
  readonly path: string;
  /** The certificate of the server: the one known already, or another when that is about to end. */
  obtain(): Promise<KeyPair>;
  dispose(): Promise<void>;
}

const AUTHORITY = 'Caisson depot authority';
const AUTHORITY_DAYS = 3650;
const CERTIFICATE_DAYS = 365;
const RENEWAL_DAYS = 30;
const DAY = 86_400_000;

/** Key material as the flags say; undefined for plain http, which only a loopback address may have. Throws USAGE. */
export async function openTlsSource(
  flags: TlsFlags,
  listen: ListenAddress,
  context: { readonly clock: Clock; readonly emit: Emit },
): Promise<TlsSource | undefined> {
  const { tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new CaissonError('USAGE', 'Cannot use --tls-cert without --tls-key, nor the other way round');
  if (tlsCert !== undefined && tlsKey !== undefined) {
    if (flags.tlsGenerate === true)
      throw new CaissonError('USAGE', 'Cannot generate a certificate and use a given one: choose --tls-generate or --tls-cert');
    return givenFiles(tlsCert, tlsKey);
  }
  if (flags.tlsGenerate === true) return generated(flags, listen, context);
  if (listen.loopback) return undefined;
  throw new CaissonError('USAGE', `Cannot serve on "${listen.host}" without TLS: others could change what they pull`, {
    hint: 'Give --tls-cert and --tls-key, or --tls-generate, or listen on 127.0.0.1',
  });
}

async function givenFiles(certificateFile: string, keyFile: string): Promise<TlsSource> {
  const read = async (): Promise<KeyPair> => ({ certificate: await readTextFile(certificateFile), key: await readSecretFile(keyFile) });
  return { ...(await renewable(read)), dispose: async () => {} };
}

async function generated(
  { tlsName = [], state }: TlsFlags,
  listen: ListenAddress,
  { clock, emit }: { readonly clock: Clock; readonly emit: Emit },
): Promise<TlsSource> {
  const subject = { commonName: 'Caisson depot', ...subjectNames(tlsName, listen), usages: 'server' } as const;
  const issuer = state === undefined ? await temporaryIssuer(subject, clock) : await keptIssuer(state, subject, clock, emit);
  return {
    ...(await renewable(() => issuer.obtain())),
    authority: { path: issuer.path, fingerprint: certificateInfo(issuer.certificate).fingerprint },
    dispose: () => issuer.dispose(),
  };
}

/** Material that is read again, and given only when it differs from the one before. */
async function renewable(read: () => Promise<KeyPair>): Promise<Pick<TlsSource, 'material' | 'renew'>> {
  let current = await read();
  return {
    material: current,
    async renew() {
      const found = await read();
      if (found.certificate === current.certificate && found.key === current.key) return undefined;
      current = found;
      return found;
    },
  };
}

/** An authority and a certificate that are kept in a directory for the next time. */
async function keptIssuer(state: string, subject: CertificateSubject, clock: Clock, emit: Emit): Promise<Issuer> {
  const authority = openKeptAuthority({
    directory: state,
    store: state,
    commonName: AUTHORITY,
    certificateDays: CERTIFICATE_DAYS,
    renewalDays: RENEWAL_DAYS,
    clock,
  });
  const { certificate, warning } = await authority.obtainAuthority();
  if (warning !== undefined) emit({ type: 'warning', message: warning });
  return { certificate, path: join(state, 'ca.crt'), obtain: () => authority.obtain('tls', subject), dispose: async () => {} };
}

/** An authority of this run alone, whose key is never written. */
async function temporaryIssuer(subject: CertificateSubject, clock: Clock): Promise<Issuer> {
  const authority = await createAuthority({ commonName: AUTHORITY, days: AUTHORITY_DAYS, clock });
  const directory = await mkdtemp(join(tmpdir(), 'caisson-serve-'));
  const path = join(directory, 'ca.crt');
  await writeFile(path, authority.certificate);
  let current: KeyPair | undefined;
  return {
    certificate: authority.certificate,
    path,
    async obtain() {
      if (current === undefined || daysLeft(current, clock) <= RENEWAL_DAYS)
        current = await issueCertificate(authority, { ...subject, days: CERTIFICATE_DAYS, clock });
      return current;
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
}

function daysLeft({ certificate }: KeyPair, clock: Clock): number {
  return (certificateInfo(certificate).notAfter.getTime() - clock.now().getTime()) / DAY;
}

/** Every name and address under which a client may come. */
function subjectNames(
  extra: readonly string[],
  listen: ListenAddress,
): { readonly dnsNames: readonly string[]; readonly addresses: readonly string[] } {
  const all = ['localhost', hostName(), '127.0.0.1', '::1', ...reachableAddresses(listen.host), ...extra].filter(
    (name) => name !== undefined,
  );
  return { dnsNames: all.filter((name) => !ipaddr.isValid(name)), addresses: all.filter((name) => ipaddr.isValid(name)) };
}

/** The name of this machine, unless it is one that no certificate can hold. */
function hostName(): string | undefined {
  const name = hostname();
  return /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(name) ? name : undefined;
}
