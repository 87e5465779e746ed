import { compareText, digestOf, hexOf } from '../../core/index.ts';
import type { PackageRecord } from '../package.ts';
import { storedGzip } from '../stored-gzip.ts';
import type { AptRecord } from './apt-record.ts';
import { withoutEpoch } from './deb-version.ts';

export interface AptRepository {
  readonly codename: string;
  readonly architectures: readonly string[];
  /** Constant over versions of a bundle: apt asks before it accepts another Origin or Label. */
  readonly origin: string;
  readonly label: string;
  /** Time of the content, never of the run: hosts with slow clocks refuse a Release from the future. */
  readonly date: Date;
  /** Each with its path under the repository's root, as `aptPoolPath` makes it. */
  readonly packages: readonly { readonly record: AptRecord; readonly path: string }[];
}

/** The only component of our repositories. */
export const COMPONENT = 'main';

/** Where a package lies in our repository: pool/main/d/docker.io/docker.io_20.10.24_amd64.deb. Epochs are left out, as in Debian's pool. */
export function aptPoolPath(record: PackageRecord): string {
  const { name, version, architecture, source } = record;
  const drawer = source.name.startsWith('lib') ? source.name.slice(0, 4) : source.name.slice(0, 1);
  return `pool/${COMPONENT}/${drawer}/${source.name}/${name}_${withoutEpoch(version)}_${architecture}.deb`;
}

/**
 * The metadata of a repository by path under its root: Release, and Packages plain and as .gz for each architecture. The
 * same packages give the same bytes. Paragraphs stay as upstream signed them, but for Filename and for
 * Phased-Update-Percentage, which would hide a package from some hosts. There is no Valid-Until, for the repository must
 * work years later, and no by-hash directory. The plain Packages is listed because apt ignores an index without it.
 */
export function writeAptRepository(repository: AptRepository): ReadonlyMap<string, Buffer> {
  const root = `dists/${repository.codename}`;
  const indexes = new Map<string, Buffer>();
  for (const architecture of [...repository.architectures].sort()) {
    const packages = Buffer.from(packagesFile(repository, architecture));
    const path = `${COMPONENT}/binary-${architecture}/Packages`;
    indexes.set(path, packages);
    indexes.set(`${path}.gz`, storedGzip(packages));
  }
  const files = new Map<string, Buffer>([[`${root}/Release`, Buffer.from(releaseFile(repository, indexes))]]);
  for (const [path, content] of indexes) files.set(`${root}/${path}`, content);
  return files;
}

function packagesFile(repository: AptRepository, architecture: string): string {
  return repository.packages
    .filter(({ record }) => record.architecture === architecture || record.architecture === 'all')
    .toSorted((a, b) => compareText(a.record.name, b.record.name) || compareText(a.record.version, b.record.version))
    .map(({ record, path }) => `${rewriteStanza(record.stanza, path)}\n\n`)
    .join('');
}

/**
 * Rewrites Filename and drops Phased-Update-Percentage; keeps every other byte. Both fields are single lines
 * (deb-control(5) "simple").
 */
function rewriteStanza(stanza: string, path: string): string {
  return stanza
    .split('\n')
    .filter((line) => !/^Phased-Update-Percentage:/i.test(line))
    .map((line) => (/^Filename:/i.test(line) ? `Filename: ${path}` : line))
    .join('\n');
}

function releaseFile(repository: AptRepository, indexes: ReadonlyMap<string, Buffer>): string {
  const hashes = [...indexes]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([path, content]) => ` ${hexOf(digestOf(content))} ${content.byteLength} ${path}`);
  return [
    `Origin: ${repository.origin}`,
    `Label: ${repository.label}`,
    `Suite: ${repository.codename}`,
    `Codename: ${repository.codename}`,
    `Date: ${repository.date.toUTCString().replace('GMT', 'UTC')}`,
    `Architectures: ${[...repository.architectures].sort().join(' ')}`,
    `Components: ${COMPONENT}`,
    'SHA256:',
    ...hashes,
    '',
  ].join('\n');
}
