import { X509Certificate } from 'node:crypto';
import { posix } from 'node:path';
import type { BackupFile } from '../../backup/index.ts';
import { digestOf } from '../../core/index.ts';
import { generationFiles, readGenerations, seedLayout } from '../../site/index.ts';
import type { AuthorityFile } from './given-keys.ts';
import type { ReadBack } from './read-back.ts';

const LAYOUT = seedLayout();

/** The files that only a seed has, as a backup would have them: secrets, key pairs and authorities. */
export function siteFiles(keys: readonly BackupFile[], secrets: ReadonlyMap<string, string>, { pairs }: ReadBack): readonly BackupFile[] {
  return [
    ...[...secrets].map(([name, text]) => siteFile(posix.join(LAYOUT.secrets, name), text, '0600')),
    ...[...pairs].flatMap(([name, { text, open }]) => [
      siteFile(posix.join(LAYOUT.certificates, 'pairs', `${name}.key`), text, '0600'),
      siteFile(posix.join(LAYOUT.certificates, 'pairs', `${name}.pub`), open, '0600'),
    ]),
    ...keys,
  ];
}

/** The files of the authorities. The certificate that hosts have stands in for one that is missing beside the only key of the site. */
export function authorityFiles(given: readonly AuthorityFile[], onHosts: string | undefined): readonly BackupFile[] {
  const isAlone = given.some(({ name }) => name === 'ca.key') && !given.some(({ name }) => name === 'ca.crt' || name === 'ca.json');
  const all = isAlone && onHosts !== undefined ? [...given, { name: 'ca.crt', text: onHosts }] : given;
  return all.map(({ name, text }) => siteFile(posix.join(LAYOUT.authorities, name), text, name.endsWith('.crt') ? '0644' : '0600'));
}

/** SHA-256 of the certificates that issue, by name of the authority: during a rotation there are two generations of one. */
export async function issuingAuthorities(
  names: readonly string[],
  keys: readonly BackupFile[],
  place: string,
): Promise<Readonly<Record<string, string>>> {
  const fingerprints: Record<string, string> = {};
  for (const name of names) {
    const isDirectory = keys.some(({ path }) => path.endsWith('.json'));
    const { issuer } = isDirectory ? await readGenerations({ authorities: place }, name) : { issuer: 1 };
    const certificate = keys.find(({ path }) => path === posix.join(LAYOUT.authorities, `${generationFiles(name, issuer)}.crt`));
    if (certificate !== undefined) fingerprints[name] = new X509Certificate(certificate.content).fingerprint256;
  }
  return fingerprints;
}

function siteFile(path: string, text: string, mode: string): BackupFile {
  const content = Buffer.from(text);
  return { path, of: 'site', size: content.length, mode, owner: { user: 0, group: 0 }, digest: digestOf(content), content };
}
