import { posix } from 'node:path';
import { Header, Pax } from 'tar';

/** A regular file of a tar archive, the only type that is planned. */
export interface TarMember {
  readonly path: string;
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
}

/** Where a member lies: its header from `headerOffset` up to `offset`, its data from there, then zeros up to `end`. */
export interface TarPlace {
  readonly headerOffset: number;
  readonly offset: number;
  readonly end: number;
}

export interface TarLayout<Member extends TarMember> {
  readonly members: readonly (Member & TarPlace)[];
  /** Bytes of the whole archive, end blocks included. */
  readonly size: number;
}

export const TAR_BLOCK = 512;
/** Two zero blocks end an archive (POSIX.1-2017 pax, ustar Interchange Format). */
export const TAR_END = 2 * TAR_BLOCK;
/** The largest size that eleven octal digits hold. */
const USTAR_MAX_SIZE = 0o77777777777;

/** Places members one after the other, in the order given. Pure: the same members give the same offsets. */
export function layoutTar<Member extends TarMember>(members: readonly Member[]): TarLayout<Member> {
  let position = 0;
  const placed = members.map((member) => {
    const headerOffset = position;
    const offset = headerOffset + tarHeaderSize(member);
    position = offset + roundToBlock(member.size);
    return { ...member, headerOffset, offset, end: position };
  });
  return { members: placed, size: position + TAR_END };
}

/** Bytes from the start of a member's header to its data: 512, or more where a pax header is needed. */
export function tarHeaderSize(member: TarMember): number {
  const pax = paxRecords(member);
  return pax === undefined ? TAR_BLOCK : 2 * TAR_BLOCK + roundToBlock(Buffer.byteLength(pax));
}

/**
 * The one canonical header of a member: ustar, owner 0 without a name, one time for all. A pax header comes before it
 * only where ustar cannot hold the path or the size, and then carries nothing but those.
 */
export function tarHeader(member: TarMember, modified: Date): Buffer {
  const pax = paxRecords(member);
  if (pax === undefined) return ustarBlock(member.path, member.size, member.mode, modified, 'File');
  const body = Buffer.alloc(roundToBlock(Buffer.byteLength(pax)));
  body.write(pax, 'utf8');
  const name = `PaxHeader/${posix.basename(member.path)}`.slice(0, 99);
  const needsPath = !fitsUstar(member.path);
  return Buffer.concat([
    ustarBlock(name, Buffer.byteLength(pax), 0o644, modified, 'ExtendedHeader'),
    body,
    ustarBlock(needsPath ? member.path.slice(0, 99) : member.path, member.size, member.mode, modified, 'File'),
  ]);
}

/** The bytes of a member with its content: its canonical header, the content, and zeros to the end of the block. */
export function* tarMember(member: Omit<TarMember, 'size'>, content: Buffer, modified: Date): Generator<Buffer> {
  yield tarHeader({ ...member, size: content.length }, modified);
  yield content;
  yield Buffer.alloc(roundToBlock(content.length) - content.length);
}

export function roundToBlock(size: number): number {
  return Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
}

function paxRecords(member: TarMember): string | undefined {
  const path = fitsUstar(member.path) ? undefined : member.path;
  const size = member.size > USTAR_MAX_SIZE ? member.size : undefined;
  if (path === undefined && size === undefined) return undefined;
  return new Pax({ ...(path === undefined ? {} : { path }), ...(size === undefined ? {} : { size }) }).encodeBody();
}

/** A name under 100 bytes always fits; a longer one when it splits into prefix and name, which reading it back shows. */
function fitsUstar(path: string): boolean {
  if (path.length < 100) return true;
  const header = new Header({ path, size: 0, mode: 0o644, type: 'File' });
  const truncated = header.encode();
  return !truncated && header.block !== undefined && new Header(header.block).path === path;
}

function ustarBlock(path: string, size: number, mode: number, modified: Date, type: 'File' | 'ExtendedHeader'): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  new Header({ path, size, mode, mtime: modified, uid: 0, gid: 0, devmaj: 0, devmin: 0, type }).encode(block);
  return block;
}

/** The fields of a header that can be read. */
export interface FoundTarHeader {
  readonly path: string;
  /** Undefined when it is negative, not a whole number, or too large for one. */
  readonly size: number | undefined;
  readonly mode: number | undefined;
  readonly type: string;
  readonly linkPath: string;
  /** Seconds since 1970. */
  readonly modified: number | undefined;
  readonly owner: string;
  /** Bytes from the first header block to the data. */
  readonly headerSize: number;
}

export type HeaderReading = FoundTarHeader | 'end' | 'truncated' | 'damaged';

/** No pax header of a foreign archive is read beyond this. */
const PAX_LIMIT = 64 * 1024;

/** The most bytes that readTarHeader can want. */
export const TAR_HEADER_LIMIT = PAX_LIMIT + 2 * TAR_BLOCK;

/**
 * Reads the header at the start of `bytes`, a pax header before it included. `end` for a block of zeros, `truncated`
 * when the bytes end too early, `damaged` when no header is there (wrong checksum) or its pax header is unreasonable.
 */
export function readTarHeader(bytes: Buffer): HeaderReading {
  if (bytes.length < TAR_BLOCK) return 'truncated';
  if (bytes.subarray(0, TAR_BLOCK).every((byte) => byte === 0)) return 'end';
  const first = decode(bytes, 0);
  if (first === undefined) return 'damaged';
  if (first.type !== 'ExtendedHeader') return found(first, {}, TAR_BLOCK);
  if (first.size === undefined || first.size > PAX_LIMIT) return 'damaged';
  const at = TAR_BLOCK + roundToBlock(first.size);
  if (bytes.length < at + TAR_BLOCK) return 'truncated';
  const header = decode(bytes, at);
  if (header === undefined) return 'damaged';
  return found(header, Pax.parse(bytes.toString('utf8', TAR_BLOCK, TAR_BLOCK + first.size)), at + TAR_BLOCK);
}

/** Undefined for a wrong checksum, and for numbers that the package refuses by throwing. */
function decode(bytes: Buffer, at: number): Header | undefined {
  try {
    const header = new Header(bytes, at);
    return header.cksumValid ? header : undefined;
  } catch {
    return undefined;
  }
}

function found(
  header: Header,
  pax: { readonly path?: string; readonly size?: number; readonly linkpath?: string },
  headerSize: number,
): FoundTarHeader {
  // A pax size is any text that means a number: 0.5, 1e3, 1e999.
  const size = pax.size ?? header.size;
  return {
    path: pax.path ?? header.path ?? '',
    size: Number.isSafeInteger(size) ? size : undefined,
    mode: header.mode,
    type: header.type,
    linkPath: pax.linkpath ?? header.linkpath ?? '',
    modified: header.mtime === undefined ? undefined : header.mtime.getTime() / 1000,
    owner: `${header.uid ?? 0}:${header.gid ?? 0}${header.uname ? ` ${header.uname}` : ''}${header.gname ? `:${header.gname}` : ''}`,
    headerSize,
  };
}
