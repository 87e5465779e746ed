import { createPrivateKey, X509Certificate } from 'node:crypto';
import { posix } from 'node:path';
import type { BackupFile } from '../../backup/index.ts';
import { seedLayout, SITE_AUTHORITY, type SiteRecord } from '../../site/index.ts';

/**
 * Names the authorities and secrets of a record that the files do not have, or have with another certificate or key. A
 * site that is restored without them cannot read its own data.
 */
export function missingKeys(record: SiteRecord, files: readonly BackupFile[]): readonly string[] {
  const { authorities, secrets } = seedLayout();
  const contents = new Map(files.map(({ path, content }) => [path, content]));
  const textIn = (directory: string, name: string): string => contents.get(posix.join(directory, name))?.toString('utf8') ?? '';
  const lostAuthorities = Object.entries(record.authorities).filter(([name, fingerprint]) => {
    const stem = name === SITE_AUTHORITY ? 'ca' : name;
    return !isAuthority(textIn(authorities, `${stem}.crt`), textIn(authorities, `${stem}.key`), fingerprint);
  });
  const lostSecrets = record.secrets.filter((name) => textIn(secrets, name) === '');
  return [...lostAuthorities.map(([name]) => `authority "${name}"`), ...lostSecrets.map((name) => `secret "${name}"`)];
}

function isAuthority(certificate: string, key: string, fingerprint: string): boolean {
  try {
    const authority = new X509Certificate(certificate);
    return authority.fingerprint256 === fingerprint && authority.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
