import { posix } from 'node:path';
import { CaissonError } from '../core/index.ts';
import type { SharedFile } from './file-range.ts';
import { readTarHeader, roundToBlock, TAR_BLOCK, TAR_HEADER_LIMIT, type FoundTarHeader } from './tar-layout.ts';

/** A member of an archive of another program: bytes offset..offset+size of the file. */
export interface IndexedMember {
  readonly path: string;
  readonly offset: number;
  readonly size: number;
}

/** Where the members of a tar archive lie. Links are followed inside the archive; nothing is ever extracted. */
export interface TarIndex {
  /** The regular file of a path, through links; undefined when the archive has none. Throws ARCHIVE_INVALID for links that go in circles. */
  find(path: string): IndexedMember | undefined;
  /** Paths of regular files, in the order of the archive. */
  readonly paths: readonly string[];
}

export interface IndexTarOptions {
  /** Name of the archive in messages, when the file is not the user's own. */
  readonly shownAs?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Limits of an archive: number of members, length of names, length of chains of links. */
const MEMBERS_LIMIT = 100_000;
const NAME_LIMIT = 1024;
const LINKS_LIMIT = 16;

/**
 * Reads the headers of a tar archive, none of its data (POSIX.1-2017 pax and ustar; GNU long names). Throws
 * ARCHIVE_INVALID, naming the member and the byte, for an archive that is damaged, cut short or hostile: names and links
 * that lead out of the archive, members that are there twice, sizes beyond the end of the file.
 */
export async function indexTar(file: SharedFile, options: IndexTarOptions = {}): Promise<TarIndex> {
  const walk = new TarWalk(file, options.shownAs ?? file.path);
  while (await walk.step()) options.signal?.throwIfAborted();
  return walk;
}

class TarWalk implements TarIndex {
  readonly #file: SharedFile;
  readonly #shownAs: string;
  readonly #members = new Map<string, IndexedMember>();
  readonly #links = new Map<string, string>();
  #position = 0;
  #headers = 0;
  #longPath: string | undefined;
  #longLink: string | undefined;

  constructor(file: SharedFile, shownAs: string) {
    this.#file = file;
    this.#shownAs = shownAs;
  }

  get paths(): readonly string[] {
    return [...this.#members.keys()];
  }

  find(path: string): IndexedMember | undefined {
    let at = this.#through(normalize(path));
    for (let links = 0; links <= LINKS_LIMIT; links += 1) {
      const member = this.#members.get(at);
      if (member !== undefined) return member;
      const target = this.#links.get(at);
      if (target === undefined) return undefined;
      at = this.#through(target);
    }
    throw this.#refuse(`its links for "${path}" go in circles`);
  }

  /** Reads one header. False at the end of the archive. */
  async step(): Promise<boolean> {
    const at = this.#position;
    const reading = await this.#header(at);
    if (reading === 'end') return false;
    if (reading === 'truncated') throw this.#refuse(`it is cut short: it ends at byte ${this.#file.size} without the mark of an end`);
    if (reading === 'damaged') throw this.#refuse(`it has no valid tar header at byte ${at}`);
    this.#headers += 1;
    if (this.#headers > MEMBERS_LIMIT) throw this.#refuse(`it has more than ${MEMBERS_LIMIT} members`);
    await this.#take(reading, at);
    return true;
  }

  async #header(at: number): Promise<FoundTarHeader | 'end' | 'truncated' | 'damaged'> {
    const left = this.#file.size - at;
    if (left < TAR_BLOCK) return 'truncated';
    const block = await this.#file.read(at, TAR_BLOCK);
    const reading = readTarHeader(block);
    // Only a pax header needs more than its own block.
    return reading === 'truncated' ? readTarHeader(await this.#file.read(at, Math.min(left, TAR_HEADER_LIMIT))) : reading;
  }

  async #take(header: FoundTarHeader, at: number): Promise<void> {
    const { type, headerSize } = header;
    const offset = at + headerSize;
    const path = this.#longPath ?? header.path;
    const size = header.size;
    if (size === undefined || size < 0) throw this.#refuse(`the header of ${quoted(path)} says no valid number of bytes`);
    if (offset + size > this.#file.size) {
      throw this.#refuse(`it is cut short: ${quoted(path)} should have ${size} bytes, and the file ends at byte ${this.#file.size}`);
    }
    this.#position = offset + roundToBlock(size);
    if (type === 'NextFileHasLongPath') this.#longPath = await this.#longName(offset, size);
    else if (type === 'NextFileHasLongLinkpath') this.#longLink = await this.#longName(offset, size);
    else if (type !== 'GlobalExtendedHeader') {
      const link = this.#longLink ?? header.linkPath;
      this.#longPath = undefined;
      this.#longLink = undefined;
      this.#add({ type, path, link, offset, size });
    }
  }

  #add({ type, path, link, offset, size }: IndexedMember & { readonly type: string; readonly link: string }): void {
    if (Buffer.byteLength(path) > NAME_LIMIT) throw this.#refuse(`a name in it is longer than ${NAME_LIMIT} bytes`);
    const name = normalize(path);
    const reason = unsafe(path, name);
    if (reason !== undefined) throw this.#refuse(`the name of its member ${quoted(path)} ${reason}`);
    // A member called "." is the directory that was archived.
    if (type === 'Directory' || type === 'GNUDumpDir' || name === '') return;
    if (this.#members.has(name) || this.#links.has(name)) throw this.#refuse(`it has the member ${quoted(name)} twice`);
    if (FILES.has(type)) this.#members.set(name, { path: name, offset, size });
    else if (type === 'SymbolicLink' || type === 'Link') this.#links.set(name, this.#linkTarget(name, link, type === 'Link'));
    // Devices, pipes and sockets hold no data; who asks for one is told that there is no such file.
  }

  #linkTarget(name: string, link: string, hard: boolean): string {
    const from = hard ? '' : posix.dirname(name);
    const target = normalize(posix.join(from, link));
    const leaves = link.startsWith('/') || Buffer.byteLength(link) > NAME_LIMIT || unsafe(target, target) !== undefined;
    if (leaves || target === '') throw this.#refuse(`its link ${quoted(name)} leads out of it, to ${quoted(link)}`);
    return target;
  }

  /** A path whose directories may be links; the first that is one is replaced. */
  #through(path: string): string {
    let at = path;
    for (let links = 0; links <= LINKS_LIMIT; links += 1) {
      const parts = at.split('/');
      const depth = parts.findIndex((_, index) => index < parts.length - 1 && this.#links.has(parts.slice(0, index + 1).join('/')));
      if (depth < 0) return at;
      const target = this.#links.get(parts.slice(0, depth + 1).join('/')) ?? '';
      at = [target, ...parts.slice(depth + 1)].join('/');
    }
    throw this.#refuse(`its links for "${path}" go in circles`);
  }

  async #longName(offset: number, size: number): Promise<string> {
    if (size > NAME_LIMIT + 1) throw this.#refuse(`a name in it is longer than ${NAME_LIMIT} bytes`);
    return (await this.#file.read(offset, size)).toString('utf8').replace(/\0.*$/s, '');
  }

  #refuse(reason: string): CaissonError {
    return new CaissonError('ARCHIVE_INVALID', `Cannot use archive "${this.#shownAs}": ${reason}`, {
      hint: 'Make the archive again, or copy it again and compare the checksums',
    });
  }
}

const FILES: ReadonlySet<string> = new Set(['File', 'OldFile', 'ContiguousFile']);

/** ./a//b/ is a/b; what leaves stays visible as a leading "..". */
function normalize(path: string): string {
  const clean = posix.normalize(path === '' ? '.' : path).replace(/\/+$/, '');
  return clean === '.' ? '' : clean;
}

function unsafe(written: string, name: string): string | undefined {
  if (written.startsWith('/')) return 'is absolute';
  if (written.split('/').includes('..') && (name === '..' || name.startsWith('../'))) return 'leads out of it';
  if (/\p{Cc}/u.test(name)) return 'has a control character';
  return undefined;
}

/** A foreign name in a message: no control characters, not endless. */
function quoted(text: string): string {
  const clean = text.replace(/\p{Cc}/gu, '?');
  return `"${clean.length > 200 ? `${clean.slice(0, 200)}…` : clean}"`;
}
