import { hexOf, type Digest } from '../../core/index.ts';
import { escapeXml, findChild, type XmlElement } from './xml.ts';

/** Children of a package that a repository needs, in the order of createrepo_c; the location is that of another repository. */
const KEPT = ['name', 'arch', 'version', 'checksum', 'summary', 'description', 'packager', 'url', 'time', 'size'] as const;

/**
 * The element of a package in our own spelling, without its location: the same content gives the same text, however the
 * repository wrote it. The digest is the one that bundles go by, and `files` are listed besides those that it lists.
 */
export function primaryElement(element: XmlElement, digest: Digest, files: readonly string[]): string {
  const format = findChild(element, 'format');
  const own = format?.children ?? [];
  const listed = new Set(own.filter(({ name }) => name === 'file').map(({ text }) => text));
  const kept = KEPT.flatMap((name) => {
    if (name === 'checksum') return [`  <checksum type="sha256" pkgid="YES">${hexOf(digest)}</checksum>\n`];
    const child = findChild(element, name);
    return child === undefined ? [] : [written(child, name, '  ')];
  });
  const inFormat = own.map((child) => written(child, child.name === 'file' ? 'file' : `rpm:${child.name}`, '    '));
  const added = [...new Set(files)].filter((path) => !listed.has(path)).sort();
  const more = added.map((path) => `    <file>${escapeXml(path)}</file>\n`);
  return `<package type="rpm">\n${kept.join('')}  <format>\n${[...inFormat, ...more].join('')}  </format>\n</package>\n`;
}

/** Elements inside of the format are all of rpm's namespace. */
function written({ attributes, children, text }: XmlElement, name: string, margin: string): string {
  const inner = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  const head = `${margin}<${name}${inner.join('')}`;
  if (children.length > 0) {
    const lines = children.map((child) => written(child, `rpm:${child.name}`, `${margin}  `));
    return `${head}>\n${lines.join('')}${margin}</${name}>\n`;
  }
  return text.trim() === '' ? `${head}/>\n` : `${head}>${escapeXml(text)}</${name}>\n`;
}
