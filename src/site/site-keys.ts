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
import type { SeedLayout } from './layout.ts';
import { openSecretStore } from './secret-store.ts';

/** The authority that every site has: of the agents, the depot and operators. */
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
 * Everything secret of a site, on the seed alone: passwords, authorities with what they issued, key pairs, the key of the
 * package repositories. Nothing is made before a text is read. Throws CERTIFICATE_INVALID for an authority or a key of which
 * a part is lost.
 */
export interface SiteKeys {
  secret(name: string, length: number): Promise<KeptText>;
  /** A secret that the site keeps in a file of its own (0600), named by cluster.yaml. Throws as readSecretFile does. */
  fileSecret(path: string): Promise<KeptText>;
  /** The certificate of an authority. */
  authority(name: string): Promise<KeptText>;
  certificate(id: string, authority: string, subject: CertificateSubject): Promise<CertificateTexts>;
  /** An RSA key pair of 2048 bits that is shared by the hosts of a component. */
  keyPair(name: string): Promise<KeyPairTexts>;
  /** The public half of the key that signs the package repositories. */
  repositoryKey(): Promise<KeptText>;
  /** The authorities and secrets that are there now. */
  found(authorities: readonly string[]): Promise<SeedKeys>;
}

export interface SiteKeysOptions {
  /** Name of the cluster. */
  readonly name: string;
  readonly clock: Clock;
  /** The file that a path in cluster.yaml means. */
  readonly resolvePath: (path: string) => string;
}

export function openSiteKeys(layout: SeedLayout, options: SiteKeysOptions): SiteKeys {
  const secrets = openSecretStore(layout.secrets);
  // Steps of several hosts may want the same thing at the same time; it must be made once.
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

/** Where the seed keeps the key that signs the package repositories. */
export function repositoryKeyPaths({ depot }: SeedLayout) {
  return { privateKey: join(depot, 'repository.key'), publicKey: join(depot, 'repository.asc') };
}

function openAuthority(
  layout: SeedLayout,
  name: string,
  { name: site, clock }: { readonly name: string; readonly clock: Clock },
): KeptAuthority {
  const isSite = name === SITE_AUTHORITY;
  return openKeptAuthority({
    directory: layout.authorities,
    store: layout.certificates,
    ...(isSite ? {} : { name }),
    commonName: isSite ? `${site} site authority` : `${site} ${name} authority`,
    clock,
  });
}

/** SHA-256 of each authority's certificate, for those whose key is there too. */
async function fingerprints(names: readonly string[], open: (name: string) => KeptAuthority): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const name of names) {
    try {
      const authority = await open(name).peekAuthority();
      if (authority !== undefined) found[name] = new X509Certificate(authority.certificate).fingerprint256;
    } catch (error) {
      // A lost half is as good as a lost authority; the record decides what that means.
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
