import { CaissonError, messageOf } from '../../core/index.ts';
import { fileHash, type FileHash } from '../file-hash.ts';
import { findChild, parseElement, type XmlElement } from './xml.ts';

/** The servers that have a repository. */
export interface MirrorList {
  /** Directories with repodata, without a trailing slash, the one to be asked first at the front. */
  readonly mirrors: readonly string[];
  /** Digests of which repomd.xml must have one; none where the list has no digests. */
  readonly repomd: readonly FileHash[];
}

/** Most servers that are asked. */
const MIRROR_LIMIT = 20;

const REPOMD = '/repodata/repomd.xml';

/**
 * Reads a metalink (version 3, as MirrorManager writes it) or a list of addresses, one a line. Servers that do not speak http
 * or whose addresses have a login or a query are left out. Throws REPOSITORY_INVALID when none is left, and for a metalink
 * whose digests are not believed: MD5 and SHA-1 are not.
 */
export function parseMirrorList(
  bytes: Uint8Array,
  { what, architecture }: { readonly what: string; readonly architecture: string },
): MirrorList {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const list = text.trimStart().startsWith('<') ? metalinkOf(parseElement(text)) : { mirrors: linesOf(text, architecture), repomd: [] };
    const mirrors = [...new Set(list.mirrors.map((url) => url.replace(/\/+$/, '')).filter(isAddress))];
    if (mirrors.length === 0) throw new Error('it names no server that can be asked');
    return { ...list, mirrors: mirrors.slice(0, MIRROR_LIMIT) };
  } catch (error) {
    throw new CaissonError('REPOSITORY_INVALID', `Cannot use the list of mirrors "${what}": ${messageOf(error)}`, {
      cause: error,
      hint: 'Check url of the repository, or name the directory that holds repodata without `mirrors`',
    });
  }
}

function linesOf(text: string, architecture: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.replaceAll('$basearch', architecture));
}

function metalinkOf(root: XmlElement): MirrorList {
  if (root.name !== 'metalink') throw new Error(`it is "${root.name}"`);
  const files = findChild(root, 'files')?.children.filter(({ name }) => name === 'file') ?? [];
  const file = files.find(({ attributes }) => attributes['name'] === 'repomd.xml');
  if (file === undefined) throw new Error('it does not list repomd.xml');
  // A mirror may be one update behind: MirrorManager lists the digests of the last states, too.
  const alternates = findChild(file, 'alternates')?.children ?? [];
  const repomd = [file, ...alternates].flatMap(hashesOf);
  if (repomd.length === 0) throw new Error('it has no SHA-256 or SHA-512 of repomd.xml');
  const addresses = (findChild(file, 'resources')?.children ?? []).filter(
    ({ name, text }) => name === 'url' && text.trim().endsWith(REPOMD),
  );
  const sorted = addresses.toSorted((left, right) => preferenceOf(right) - preferenceOf(left));
  return { mirrors: sorted.map(({ text }) => text.trim().slice(0, -REPOMD.length)), repomd };
}

function hashesOf(element: XmlElement): readonly FileHash[] {
  const hashes = findChild(element, 'verification')?.children ?? [];
  const of = (type: string): string | undefined => hashes.find(({ attributes }) => attributes['type'] === type)?.text.trim();
  const [sha256 = '', sha512 = ''] = [of('sha256'), of('sha512')];
  if (/^[0-9a-f]{128}$/i.test(sha512)) return [fileHash('sha512', sha512)];
  return /^[0-9a-f]{64}$/i.test(sha256) ? [fileHash('sha256', sha256)] : [];
}

function preferenceOf({ attributes }: XmlElement): number {
  const text = attributes['preference'] ?? '';
  return /^\d{1,3}$/.test(text) ? Number(text) : 0;
}

/** Addresses go into locks, which travel in bundles. */
function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '' && search === '' && hash === '';
}
