import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError, type Clock } from '../../core/index.ts';
import { certificateInfo, issueCertificate, type KeyPair } from '../../pki/index.ts';
import ipaddr from 'ipaddr.js';
import { reachableAddresses, type ListenAddress } from './listen-address.ts';
import { daysLeft, loadKeyPair, makeAuthority, obtainAuthority } from './site-keys.ts';

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

const CERTIFICATE_DAYS = 365;
const RENEWAL_DAYS = 30;

/** Key material as the flags say; undefined for plain http, which only a loopback address may have. Throws USAGE. */
export async function openTlsSource(flags: TlsFlags, listen: ListenAddress, clock: Clock): Promise<TlsSource | undefined> {
  const { tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new CaissonError('USAGE', 'Cannot use --tls-cert without --tls-key, nor the other way round');
  if (tlsCert !== undefined && tlsKey !== undefined) {
    if (flags.tlsGenerate === true)
      throw new CaissonError('USAGE', 'Cannot generate a certificate and use a given one: choose --tls-generate or --tls-cert');
    return givenFiles(tlsCert, tlsKey);
  }
  if (flags.tlsGenerate === true) return generated(flags, listen, clock);
  if (listen.loopback) return undefined;
  throw new CaissonError('USAGE', `Cannot serve on "${listen.host}" without TLS: others could change what they pull`, {
    hint: 'Give --tls-cert and --tls-key, or --tls-generate, or listen on 127.0.0.1',
  });
}

async function givenFiles(certificateFile: string, keyFile: string): Promise<TlsSource> {
  let current = await loadKeyPair(certificateFile, keyFile);
  return {
    material: current,
    async renew() {
      const found = await loadKeyPair(certificateFile, keyFile);
      if (found.certificate === current.certificate && found.key === current.key) return undefined;
      current = found;
      return found;
    },
    dispose: async () => {},
  };
}

async function generated(flags: TlsFlags, listen: ListenAddress, clock: Clock): Promise<TlsSource> {
  const names = subjectNames(flags.tlsName ?? [], listen);
  const issuer = flags.state === undefined ? await makeAuthority(clock) : await obtainAuthority(flags.state, clock);
  const issue = () => issueCertificate(issuer, { commonName: 'Caisson depot', ...names, usages: 'server', days: CERTIFICATE_DAYS, clock });
  let current = await issue();
  const temporary = flags.state === undefined ? await mkdtemp(join(tmpdir(), 'caisson-serve-')) : undefined;
  const path = join(flags.state ?? temporary ?? '', 'ca.crt');
  if (temporary !== undefined) await writeFile(path, issuer.certificate);
  return {
    material: current,
    authority: { path, fingerprint: certificateInfo(issuer.certificate).fingerprint },
    async renew() {
      if (daysLeft(current.certificate, clock) > RENEWAL_DAYS) return undefined;
      current = await issue();
      return current;
    },
    async dispose() {
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    },
  };
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
