import { createPrivateKey, X509Certificate } from 'node:crypto';
import { posix } from 'node:path';
import type { BackupFile } from '../../backup/index.ts';
import { generationOfFiles, seedLayout, type SeedKeys, type SiteRecord } from '../../site/index.ts';

const { authorities: AUTHORITIES, secrets: SECRETS } = seedLayout();

/**
 * Names the authorities and secrets of a record that the files do not have, or have with another certificate or key. A
 * site that is restored without them cannot read its own data.
 */
export function missingKeys(record: SiteRecord, files: readonly BackupFile[]): readonly string[] {
  const held = authoritiesIn(files);
  const contents = contentsOf(files);
  const lostAuthorities = Object.entries(record.authorities).filter(([name, fingerprint]) => held[name]?.includes(fingerprint) !== true);
  const lostSecrets = record.secrets.filter((name) => (contents.get(posix.join(SECRETS, name))?.length ?? 0) === 0);
  return [...lostAuthorities.map(([name]) => `authority "${name}"`), ...lostSecrets.map((name) => `secret "${name}"`)];
}

/** SHA-256 of the certificates of the authorities that the files have with their keys, in all generations, by name of the authority. */
export function authoritiesIn(files: readonly BackupFile[]): SeedKeys['held'] {
  const contents = contentsOf(files);
  const held: Record<string, string[]> = {};
  for (const { path, content } of files) {
    if (posix.dirname(path) !== AUTHORITIES || !path.endsWith('.crt')) continue;
    const stem = posix.basename(path, '.crt');
    const fingerprint = fingerprintOf(
      content.toString('utf8'),
      contents.get(posix.join(AUTHORITIES, `${stem}.key`))?.toString('utf8') ?? '',
    );
    const { authority } = generationOfFiles(stem);
    if (fingerprint !== undefined) held[authority] = [...(held[authority] ?? []), fingerprint];
  }
  return held;
}

function contentsOf(files: readonly BackupFile[]): ReadonlyMap<string, Buffer> {
  return new Map(files.map(({ path, content }) => [path, content]));
}

/** Undefined when a text is no certificate, and when the key is that of another. */
function fingerprintOf(certificate: string, key: string): string | undefined {
  try {
    const authority = new X509Certificate(certificate);
    return authority.checkPrivateKey(createPrivateKey(key)) ? authority.fingerprint256 : undefined;
  } catch {
    return undefined;
  }
}
