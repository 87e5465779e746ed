import { generateKeyPair, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { hasCode, type Clock } from '../core/index.ts';
import { obtainRepositoryKey, peekRepositoryKey } from '../depot/index.ts';
import { readKeptPair, readSecretFile, writeKeptPair } from '../io/index.ts';
import { openKeptAuthority, type CertificateSubject, type KeptAuthority } from '../pki/index.ts';
import type { SeedKeys } from './conflicts.ts';
import { keptText, type KeptText } from './kept-text.ts';
import { repositoryKeyPaths, type SeedLayout } from './layout.ts';
import { openSecretStore } from './secret-store.ts';

/** Name of the authority that every site has. It issues the certificates of the agents, the depot and operators. */
export const SITE_AUTHORITY = 'site';

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
  /** The certificate of an authority. */
  authority(name: string): Promise<KeptText>;
  certificate(id: string, authority: string, subject: CertificateSubject): Promise<CertificateTexts>;
  /** An RSA key pair of 2048 bits that all hosts of a component share. */
  keyPair(name: string): Promise<KeyPairTexts>;
  /** The public key of the pair that signs the package repositories. */
  repositoryKey(): Promise<KeptText>;
  /** Reads which of the named authorities, and which secrets, are present on the seed. Makes none. */
  found(authorities: readonly string[]): Promise<SeedKeys>;
}

export interface SiteKeysOptions {
  /** Name of the cluster. */
  readonly name: string;
  readonly clock: Clock;
  /** Ids of certificates that are issued again once: AUTHORITY/ID, or ID alone for those of the site's authority. */
  readonly renew?: readonly string[] | undefined;
  /** Resolves a path in cluster.yaml to a path on this machine. */
  readonly resolvePath: (path: string) => string;
}

export function openSiteKeys(layout: SeedLayout, options: SiteKeysOptions): SiteKeys {
  const secrets = openSecretStore(layout.secrets);
  // Steps of several hosts may read the same text at the same time. One `obtain` runs at a time, so that it is made once.
  const alone = pLimit(1);
  const kept = (known: string | undefined, obtain: () => Promise<string>): KeptText => keptText(known, () => alone(obtain));
  const authorities = new Map<string, KeptAuthority>();
  const authorityOf = (name: string): KeptAuthority => {
    const known = authorities.get(name) ?? openAuthority(layout, name, options);
    authorities.set(name, known);
    return known;
  };
  return {
    secret: async (name, length) => kept(await secrets.peek(name), () => secrets.obtain(name, length)),
    fileSecret: async (path) => {
      const text = (await readSecretFile(options.resolvePath(path))).replace(/\r?\n$/, '');
      return keptText(text, async () => text);
    },
    authority: async (name) => {
      const authority = authorityOf(name);
      return kept((await authority.peekAuthority())?.certificate, async () => (await authority.obtainAuthority()).certificate);
    },
    certificate: async (id, name, subject) => {
      const authority = authorityOf(name);
      const known = await authority.peek(id, subject);
      return {
        certificate: kept(known?.certificate, async () => (await authority.obtain(id, subject)).certificate),
        key: kept(known?.key, async () => (await authority.obtain(id, subject)).key),
      };
    },
    keyPair: (name) => keyPairTexts(join(layout.certificates, 'pairs'), name, kept),
    repositoryKey: async () => {
      const paths = repositoryKeyPaths(layout);
      return kept((await peekRepositoryKey(paths))?.publicKey, async () => (await obtainRepositoryKey(paths)).publicKey);
    },
    found: async (names) => ({ authorities: await fingerprints(names, authorityOf), secrets: await secrets.names() }),
  };
}

function openAuthority(
  layout: SeedLayout,
  name: string,
  { name: site, clock, renew = [] }: Pick<SiteKeysOptions, 'name' | 'clock' | 'renew'>,
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
    commonName: isSite ? `${site} site authority` : `${site} ${name} authority`,
    clock,
  });
}

/**
 * SHA-256 of the authorities' certificates by name. An authority without a certificate, or without its own key, is left
 * out.
 */
async function fingerprints(names: readonly string[], open: (name: string) => KeptAuthority): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const name of names) {
    try {
      const authority = await open(name).peekAuthority();
      if (authority !== undefined) found[name] = new X509Certificate(authority.certificate).fingerprint256;
    } catch (error) {
      // An authority with a lost or foreign key counts as missing; lostKeys compares the result with the record.
      if (!hasCode(error, 'CERTIFICATE_INVALID')) throw error;
    }
  }
  return found;
}

async function keyPairTexts(directory: string, name: string, kept: typeof keptText): Promise<KeyPairTexts> {
  const paths = { secret: join(directory, `${name}.key`), open: join(directory, `${name}.pub`) };
  const { secret, open } = await readKeptPair(paths);
  const known = secret !== undefined && open !== undefined ? { secret, open } : undefined;
  const obtain = async (): Promise<{ readonly secret: string; readonly open: string }> => {
    const before = await readKeptPair(paths);
    if (before.secret !== undefined && before.open !== undefined) return { secret: before.secret, open: before.open };
    const made = await promisify(generateKeyPair)('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    await writeKeptPair(paths, { secret: made.privateKey, open: made.publicKey }, { open: 0o600, directory: 0o700 });
    return { secret: made.privateKey, open: made.publicKey };
  };
  return {
    private: kept(known?.secret, async () => (await obtain()).secret),
    public: kept(known?.open, async () => (await obtain()).open),
  };
}
