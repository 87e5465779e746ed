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

/** Certificate and key of a server, and their renewal. */
export interface TlsSource {
  readonly material: KeyPair;
  /** Certificate of the authority that was made for this server. Clients must trust it. */
  readonly authority?: { readonly path: string; readonly fingerprint: string };
  /** Returns new key material; undefined when it has not changed since the last call. */
  renew(): Promise<KeyPair | undefined>;
  /** Removes files that are needed only while the server runs. */
  dispose(): Promise<void>;
}

/** Certificate authority that issues the server's certificate. */
interface Issuer {
  readonly certificate: string;
  /** Path of the authority's certificate. */
  readonly path: string;
  /** Returns the server's certificate and key. Issues a new certificate when the last one ends within RENEWAL_DAYS. */
  obtain(): Promise<KeyPair>;
  dispose(): Promise<void>;
}

const AUTHORITY = 'Caisson depot authority';
const AUTHORITY_DAYS = 3650;
const CERTIFICATE_DAYS = 365;
const RENEWAL_DAYS = 30;
const DAY = 86_400_000;

/**
 * Opens the key material that the flags name. Returns undefined for plain http, which is allowed on loopback addresses
 * only. Throws USAGE.
 */
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

/** Reads the material now and at each renewal. A renewal returns it only when it has changed. */
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

/** Authority and certificate in a directory, where the next run finds them. */
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

/** Authority for this run. Its key stays in memory. */
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

/** Names and addresses for the certificate: all by which clients may reach the server. */
function subjectNames(
  extra: readonly string[],
  listen: ListenAddress,
): { readonly dnsNames: readonly string[]; readonly addresses: readonly string[] } {
  const all = ['localhost', hostName(), '127.0.0.1', '::1', ...reachableAddresses(listen.host), ...extra].filter(
    (name) => name !== undefined,
  );
  return { dnsNames: all.filter((name) => !ipaddr.isValid(name)), addresses: all.filter((name) => ipaddr.isValid(name)) };
}

/** Name of this machine; undefined when it cannot be a DNS name in a certificate. */
function hostName(): string | undefined {
  const name = hostname();
  return /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(name) ? name : undefined;
}
