import { generateKeyPair, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { hasCode, type Clock } from '../core/index.ts';
import { obtainRepositoryKey, peekRepositoryKey } from '../depot/index.ts';
import { readKeptPair, readSecretFile, writeKeptPair } from '../io/index.ts';
import { openKeptAuthority, type CertificateSubject, type KeptAuthority } from '../pki/index.ts';
import { makeSshKeyPair } from '../sshsig/index.ts';
import {
  generationFiles,
  heldGenerations,
  phaseOf,
  readGenerations,
  SITE_AUTHORITY,
  trustedGenerations,
  type Generations,
  type RotationPhase,
} from './authority-generations.ts';
import type { SeedKeys } from './conflicts.ts';
import { keptText, type KeptText } from './kept-text.ts';
import { loginKeyPaths, repositoryKeyPaths, type SeedLayout } from './layout.ts';
import { openSecretStore, type SecretChange } from './secret-store.ts';

export interface CertificateTexts {
  readonly certificate: KeptText;
  readonly key: KeptText;
}

export interface KeyPairTexts {
  readonly private: KeptText;
  readonly public: KeptText;
}

/**
 * All secrets of a site, which only the seed stores: passwords, authorities and their certificates, key pairs, the key of
 * the package repositories. A missing one is made when its text is read for the first time. Throws CERTIFICATE_INVALID
 * when the private key of an authority or of the package repositories is lost or does not belong to the public half.
 */
export interface SiteKeys {
  secret(name: string, length: number): Promise<KeptText>;
  /** A secret that an operator stores in a file (mode 0600) that cluster.yaml names. Throws as readSecretFile does. */
  fileSecret(path: string): Promise<KeptText>;
  /**
   * The certificates by which hosts trust an authority: its own, and during a rotation also that of the authority after or before it.
   * The certificate of the one that issues comes first.
   */
  authority(name: string): Promise<KeptText>;
  certificate(id: string, authority: string, subject: CertificateSubject): Promise<CertificateTexts>;
  /** An RSA key pair of 2048 bits that all hosts of a component share. */
  keyPair(name: string): Promise<KeyPairTexts>;
  /** The Ed25519 key pair by which the seed logs in to hosts, in the form of ssh-keygen. */
  loginKey(): Promise<KeyPairTexts>;
  /** The public key of the pair that signs the package repositories. */
  repositoryKey(): Promise<KeptText>;
  /** The changes of secrets that are under way: `secret` gives their new values. */
  secretChanges(): Promise<readonly SecretChange[]>;
  /** Puts the new value of a secret in force, after every program has taken it. */
  settleSecret(name: string): Promise<void>;
  /** Reads which of the named authorities, and which secrets, are present on the seed, and which rotations are under way. Makes none. */
  found(authorities: readonly string[]): Promise<SeedKeys>;
}

export interface SiteKeysOptions {
  /** Name of the cluster. */
  readonly name: string;
  readonly clock: Clock;
  /** Ids of certificates that are issued again once: AUTHORITY/ID, or ID alone for those of the site's authority. */
  readonly renew?: readonly string[] | undefined;
  /** Generations of an authority that count instead of the stored ones: the phase of a rotation that is planned. */
  readonly rotate?: PlannedGenerations | undefined;
  /** A change of a secret that is planned and not on disk yet. */
  readonly secretChange?: SecretChange | undefined;
  /** Resolves a path in cluster.yaml to a path on this machine. */
  readonly resolvePath: (path: string) => string;
}

export interface PlannedGenerations {
  readonly authority: string;
  readonly generations: Generations;
}

export function openSiteKeys(layout: SeedLayout, options: SiteKeysOptions): SiteKeys {
  const secrets = openSecretStore(layout.secrets);
  // Steps of several hosts may read the same text at the same time. One `obtain` runs at a time, so that it is made once.
  const alone = pLimit(1);
  const kept = (known: string | undefined, obtain: () => Promise<string>): KeptText => keptText(known, () => alone(obtain));
  const authorities = new Map<string, Promise<OpenAuthority>>();
  const authorityOf = (name: string): Promise<OpenAuthority> => {
    const known = authorities.get(name) ?? openAuthority(layout, name, options);
    authorities.set(name, known);
    return known;
  };
  const planned = options.secretChange;
  const secretChanges = async (): Promise<readonly SecretChange[]> => {
    const begun = await secrets.changes();
    return planned === undefined ? begun : [...begun.filter(({ name }) => name !== planned.name), planned];
  };
  return {
    secret: async (name, length) => {
      const changed = planned?.name === name ? planned : await secrets.change(name);
      return kept(changed?.new ?? (await secrets.peek(name)), () => secrets.obtain(name, length));
    },
    secretChanges,
    settleSecret: (name) => secrets.settle(name),
    fileSecret: async (path) => {
      const text = (await readSecretFile(options.resolvePath(path))).replace(/\r?\n$/, '');
      return keptText(text, async () => text);
    },
    authority: async (name) => {
      const { trusted } = await authorityOf(name);
      const known = await Promise.all(trusted.map(async (one) => (await one.peekAuthority())?.certificate));
      const present = known.filter((certificate) => certificate !== undefined);
      return kept(present.length === trusted.length ? present.join('') : undefined, async () => {
        const made: string[] = [];
        for (const one of trusted) made.push((await one.obtainAuthority()).certificate);
        return made.join('');
      });
    },
    certificate: async (id, name, subject) => {
      const { issuer } = await authorityOf(name);
      const known = await issuer.peek(id, subject);
      return {
        certificate: kept(known?.certificate, async () => (await issuer.obtain(id, subject)).certificate),
        key: kept(known?.key, async () => (await issuer.obtain(id, subject)).key),
      };
    },
    keyPair: (name) => {
      const directory = join(layout.certificates, 'pairs');
      return keyPairTexts({ private: join(directory, `${name}.key`), public: join(directory, `${name}.pub`) }, makeRsaPair, kept);
    },
    loginKey: () => keyPairTexts(loginKeyPaths(layout), async () => makeSshKeyPair(`caisson ${options.name}`), kept),
    repositoryKey: async () => {
      const paths = repositoryKeyPaths(layout);
      return kept((await peekRepositoryKey(paths))?.publicKey, async () => (await obtainRepositoryKey(paths)).publicKey);
    },
    found: async (names) => ({ ...(await foundAuthorities(names, authorityOf)), secrets: await secrets.names() }),
  };
}

/** An authority of a site, with all of its generations that the seed keeps. */
interface OpenAuthority {
  readonly generations: Generations;
  readonly issuer: KeptAuthority;
  /** The generations that hosts trust, the one that issues first. */
  readonly trusted: readonly KeptAuthority[];
  readonly held: readonly KeptAuthority[];
}

async function openAuthority(layout: SeedLayout, name: string, options: SiteKeysOptions): Promise<OpenAuthority> {
  const { rotate } = options;
  const generations = rotate?.authority === name ? rotate.generations : await readGenerations(layout, name);
  const open = new Map(heldGenerations(generations).map((number) => [number, openGeneration(layout, name, number, options)]));
  const those = (numbers: readonly number[]): readonly KeptAuthority[] => numbers.flatMap((number) => open.get(number) ?? []);
  const issuer = open.get(generations.issuer);
  if (issuer === undefined) throw new Error(`authority "${name}" has no generation that issues`);
  return { generations, issuer, trusted: those(trustedGenerations(generations)), held: [...open.values()] };
}

function openGeneration(
  layout: SeedLayout,
  name: string,
  number: number,
  { name: site, clock, renew = [], rotate }: SiteKeysOptions,
): KeptAuthority {
  const isSite = name === SITE_AUTHORITY;
  const own = isSite
    ? renew.filter((id) => !id.includes('/'))
    : renew.flatMap((id) => (id.startsWith(`${name}/`) ? [id.slice(name.length + 1)] : []));
  return openKeptAuthority({
    directory: layout.authorities,
    store: layout.certificates,
    ...(isSite ? {} : { name }),
    renew: own,
    keepEnded: rotate !== undefined && rotate.authority !== name,
    files: generationFiles(name, number),
    // Each generation has a subject of its own: some programs look for the issuer of a certificate by its name alone.
    commonName: `${site} ${name} authority${number === 1 ? '' : ` ${number}`}`,
    clock,
  });
}

/**
 * The authorities that the seed has. One that issues and has no certificate, or not its own key, is left out, and so is such a
 * certificate of another generation.
 */
async function foundAuthorities(
  names: readonly string[],
  open: (name: string) => Promise<OpenAuthority>,
): Promise<Pick<SeedKeys, 'authorities' | 'held' | 'rotations'>> {
  const authorities: Record<string, string> = {};
  const held: Record<string, readonly string[]> = {};
  const rotations: Record<string, RotationPhase> = {};
  for (const name of names) {
    const authority = await open(name);
    const issuer = await fingerprintOf(authority.issuer);
    if (issuer !== undefined) authorities[name] = issuer;
    const all = await Promise.all(authority.held.map(fingerprintOf));
    const present = all.filter((fingerprint) => fingerprint !== undefined);
    if (present.length > 0) held[name] = present;
    const phase = phaseOf(authority.generations);
    if (phase !== undefined) rotations[name] = phase;
  }
  return { authorities, held, rotations };
}

/** SHA-256 of the certificate of an authority; undefined without a certificate, and without its own key. */
async function fingerprintOf(authority: KeptAuthority): Promise<string | undefined> {
  try {
    const found = await authority.peekAuthority();
    return found === undefined ? undefined : new X509Certificate(found.certificate).fingerprint256;
  } catch (error) {
    // An authority with a lost or foreign key counts as missing; lostKeys compares the result with the record.
    if (hasCode(error, 'CERTIFICATE_INVALID')) return undefined;
    throw error;
  }
}

interface KeyPair {
  readonly private: string;
  readonly public: string;
}

async function makeRsaPair(): Promise<KeyPair> {
  const made = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { private: made.privateKey, public: made.publicKey };
}

/** Reads a pair whose halves have these paths. `make` makes the one that is stored when there is none. */
async function keyPairTexts(places: KeyPair, make: () => Promise<KeyPair>, kept: typeof keptText): Promise<KeyPairTexts> {
  const paths = { secret: places.private, open: places.public };
  const { secret, open } = await readKeptPair(paths);
  const known = secret !== undefined && open !== undefined ? { secret, open } : undefined;
  const obtain = async (): Promise<{ readonly secret: string; readonly open: string }> => {
    const before = await readKeptPair(paths);
    if (before.secret !== undefined && before.open !== undefined) return { secret: before.secret, open: before.open };
    const made = await make();
    const pair = { secret: made.private, open: made.public };
    await writeKeptPair(paths, pair, { open: 0o600, directory: 0o700 });
    return pair;
  };
  return {
    private: kept(known?.secret, async () => (await obtain()).secret),
    public: kept(known?.open, async () => (await obtain()).open),
  };
}
