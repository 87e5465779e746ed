import { CaissonError, messageOf } from '../../core/index.ts';
import { fileHash, type FileHash } from '../file-hash.ts';
import { childText, findChild, parseElement, type XmlElement } from './xml.ts';

/** A file of metadata as repomd.xml lists it. */
export interface RepomdFile {
  /** Path under the repository. */
  readonly path: string;
  readonly hash: FileHash;
  /** Bytes; undefined where it is not said. */
  readonly size: number | undefined;
  /** Digest of the content without compression. */
  readonly openHash: FileHash | undefined;
  readonly openSize: number | undefined;
}

export interface Repomd {
  /** By type: primary, filelists, modules. */
  readonly files: ReadonlyMap<string, RepomdFile>;
  /** When the metadata was made; undefined where nothing says it. */
  readonly date: Date | undefined;
}

/** Types that are read; of the others not even the digests count. */
const READ: ReadonlySet<string> = new Set(['primary', 'filelists', 'modules']);

/** Reads repomd.xml. Throws REPOSITORY_INVALID, also where a file that is needed has no digest that is believed. */
export function parseRepomd(bytes: Uint8Array, what: string): Repomd {
  try {
    const root = parseElement(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (root.name !== 'repomd') throw new Error(`it is "${root.name}"`);
    const data = root.children.filter(({ name }) => name === 'data');
    const files = new Map<string, RepomdFile>();
    for (const item of data) {
      const type = item.attributes['type'] ?? '';
      if (READ.has(type)) files.set(type, fileOf(item, type));
    }
    return { files, date: dateOf(root, data) };
  } catch (error) {
    throw new CaissonError('REPOSITORY_INVALID', `Cannot use "${what}": ${messageOf(error)}`, {
      cause: error,
      hint: 'The repository is damaged: try another mirror',
    });
  }
}

function fileOf(item: XmlElement, type: string): RepomdFile {
  const location = findChild(item, 'location')?.attributes ?? {};
  const path = location['href'] ?? '';
  if (location['base'] !== undefined) throw new Error(`its ${type} is on another server`);
  if (!/^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))[!-[\]-~]{1,4096}$/.test(path)) throw new Error(`the place of its ${type} cannot be used`);
  const hash = hashOf(findChild(item, 'checksum'));
  if (hash === undefined) throw new Error(`its ${type} has no SHA-256 or SHA-512`);
  return {
    path,
    hash,
    size: numberIn(item, 'size'),
    openHash: hashOf(findChild(item, 'open-checksum')),
    openSize: numberIn(item, 'open-size'),
  };
}

function hashOf(element: XmlElement | undefined): FileHash | undefined {
  const type = element?.attributes['type'];
  const hex = element?.text.trim() ?? '';
  if (type === 'sha256' && /^[0-9a-f]{64}$/i.test(hex)) return fileHash('sha256', hex);
  if (type === 'sha512' && /^[0-9a-f]{128}$/i.test(hex)) return fileHash('sha512', hex);
  return undefined;
}

function numberIn(item: XmlElement, name: string): number | undefined {
  const text = childText(item, name);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The revision where it is a time, as most are; else the latest time of the files. */
function dateOf(root: XmlElement, data: readonly XmlElement[]): Date | undefined {
  const revision = childText(root, 'revision') ?? '';
  const times = data.map((item) => Number(/^\d{9,10}/.exec(childText(item, 'timestamp') ?? '')?.[0] ?? 0));
  const seconds = /^\d{9,10}$/.test(revision) ? Number(revision) : Math.max(0, ...times);
  return seconds === 0 ? undefined : new Date(seconds * 1000);
}
