import { compareText, digestOf, hexOf } from '../../core/index.ts';
import type { PackageRecord } from '../package.ts';
import { storedGzip } from '../stored-gzip.ts';
import type { RpmRecord } from './documents.ts';
import { splitRpmVersion } from './rpm-version.ts';
import { escapeXml, findChild, parseElement, type XmlElement } from './xml.ts';

export interface RpmRepository {
  /** Time of the content, never of the run. */
  readonly date: Date;
  /** Each with its path under the repository's root, as `rpmPackagePath` makes it. */
  readonly packages: readonly { readonly record: RpmRecord; readonly path: string }[];
}

/** Where a package lies in our repository: Packages/b/bash-5.1.8-9.el9.x86_64.rpm. Epochs are left out, as rpm names files. */
export function rpmPackagePath({ name, version, architecture }: Pick<PackageRecord, 'name' | 'version' | 'architecture'>): string {
  const { version: upstream, release = '0' } = splitRpmVersion(version);
  return `Packages/${name.slice(0, 1).toLowerCase()}/${name}-${upstream}-${release}.${architecture}.rpm`;
}

/**
 * The metadata of a repository by path under its root: repomd.xml, primary and filelists. The same packages give the same
 * bytes. Compression is gz and digests are SHA-256, which yum of CentOS 7 reads, too. Elements stay as the lock has them, with
 * the place of the package in our repository.
 */
export function writeRpmRepository({ date, packages }: RpmRepository): ReadonlyMap<string, Buffer> {
  const sorted = packages.toSorted(
    (a, b) =>
      compareText(a.record.name, b.record.name) ||
      compareText(a.record.version, b.record.version) ||
      compareText(a.record.architecture, b.record.architecture),
  );
  const files = new Map<string, Buffer>();
  const time = Math.floor(date.getTime() / 1000);
  const data = [
    { type: 'primary', text: primaryFile(sorted) },
    { type: 'filelists', text: filelistsFile(sorted) },
  ].map(({ type, text }) => {
    const open = Buffer.from(text);
    const packed = storedGzip(open);
    const path = `repodata/${hexOf(digestOf(packed))}-${type}.xml.gz`;
    files.set(path, packed);
    return dataElement({ type, path, packed, open, time });
  });
  const repomd = `${HEAD}<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">\n  <revision>${time}</revision>\n${data.join('')}</repomd>\n`;
  return new Map([['repodata/repomd.xml', Buffer.from(repomd)], ...files]);
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';

interface DataFile {
  readonly type: string;
  readonly path: string;
  readonly packed: Buffer;
  readonly open: Buffer;
  readonly time: number;
}

function dataElement({ type, path, packed, open, time }: DataFile): string {
  return [
    `  <data type="${type}">`,
    `    <checksum type="sha256">${hexOf(digestOf(packed))}</checksum>`,
    `    <open-checksum type="sha256">${hexOf(digestOf(open))}</open-checksum>`,
    `    <location href="${path}"/>`,
    `    <timestamp>${time}</timestamp>`,
    `    <size>${packed.byteLength}</size>`,
    `    <open-size>${open.byteLength}</open-size>`,
    '  </data>\n',
  ].join('\n');
}

function primaryFile(packages: RpmRepository['packages']): string {
  const elements = packages.map(({ record, path }) => {
    return record.element.replace('  <format>', () => `  <location href="${escapeXml(path)}"/>\n  <format>`);
  });
  return `${HEAD}<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${packages.length}">\n${elements.join('')}</metadata>\n`;
}

/** The files that primary lists: paths that nothing in the repository asks for are in the packages alone. */
function filelistsFile(packages: RpmRepository['packages']): string {
  const elements = packages.map(({ record }) => {
    const element = parseElement(record.element);
    const { epoch, version, release = '' } = splitRpmVersion(record.version);
    const lines = filesOf(element).map((file) => {
      const { type } = file.attributes;
      return `  <file${type === undefined ? '' : ` type="${escapeXml(type)}"`}>${escapeXml(file.text)}</file>\n`;
    });
    const head = `<package pkgid="${hexOf(record.digest)}" name="${escapeXml(record.name)}" arch="${escapeXml(record.architecture)}">\n`;
    return `${head}  <version epoch="${epoch}" ver="${escapeXml(version)}" rel="${escapeXml(release)}"/>\n${lines.join('')}</package>\n`;
  });
  return `${HEAD}<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="${packages.length}">\n${elements.join('')}</filelists>\n`;
}

function filesOf(element: XmlElement): readonly XmlElement[] {
  return findChild(element, 'format')?.children.filter(({ name }) => name === 'file') ?? [];
}
