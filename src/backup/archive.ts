import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { CaissonError, digestFromHex, digestOf } from '../core/index.ts';
import {
  limitExceeded,
  readTarHeader,
  roundToBlock,
  TAR_END,
  TAR_HEADER_LIMIT,
  tarHeader,
  tarMember,
  type FoundTarHeader,
} from '../io/index.ts';
import {
  BACKUP_DOCUMENT,
  dataName,
  memberName,
  notABackup,
  parseBackupDocument,
  type BackupData,
  type BackupDocument,
  type BackupMember,
} from './document.ts';
import { isSiteMember } from './site-members.ts';

/** Most bytes of all files of the seed together, in a backup that is written or read. Data of components have no limit. */
export const BACKUP_LIMIT = 2 ** 30;
const DOCUMENT_LIMIT = 64 * 2 ** 20;

/** A member with its bytes. */
export interface BackupFile extends BackupMember {
  readonly content: Buffer;
}

/** Opens the bytes of data that backup.json lists. */
export type OpenData = (data: BackupData) => AsyncIterable<Uint8Array>;

/**
 * The bytes of the tar: backup.json first, then the files in the order of its members, then the data of components. Throws
 * BACKUP_DAMAGED when `open` gives other bytes than backup.json says.
 */
export async function* packBackup(document: BackupDocument, files: readonly BackupFile[], open: OpenData): AsyncGenerator<Uint8Array> {
  const modified = new Date(document.time);
  yield* tarMember({ path: BACKUP_DOCUMENT, mode: 0o600 }, Buffer.from(`${JSON.stringify(document, null, 1)}\n`), modified);
  for (const { path, mode, content } of files)
    yield* tarMember({ path: memberName(path), mode: Number.parseInt(mode, 8) }, content, modified);
  for (const data of document.data) {
    const path = dataName(data);
    yield tarHeader({ path, size: data.size, mode: 0o600 }, modified);
    yield* checked(open(data), data, (reason) => writtenMeanwhile(path, reason));
    yield Buffer.alloc(roundToBlock(data.size) - data.size);
  }
  yield Buffer.alloc(TAR_END);
}

/** Passes bytes on. Throws at their end, or as soon as there are too many, when they do not have this size and digest. */
async function* checked(
  bytes: AsyncIterable<Uint8Array>,
  { size, digest }: Pick<BackupData, 'size' | 'digest'>,
  failure: (reason: string) => CaissonError,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > size) throw failure(`has more than ${size} bytes`);
    hash.update(chunk);
    yield chunk;
  }
  if (length !== size) throw failure(`has ${length} bytes, want ${size}`);
  const actual = digestFromHex(hash.digest('hex'));
  if (actual !== digest) throw failure(`has the digest ${actual}, want ${digest}`);
}

function writtenMeanwhile(path: string, reason: string): CaissonError {
  return new CaissonError('DIGEST_MISMATCH', `Cannot back up "${path}": it ${reason}; it was changed while it was fetched`, {
    hint: 'Nothing was left. The backup action must have finished its file when it ends',
  });
}

/** Takes the bytes of data of a component, and reads all of them. */
export type TakeData = (data: BackupData, content: Readable) => Promise<void>;

/**
 * Reads the tar of a backup and checks all of it. Throws BACKUP_INVALID for a tar that no `caisson backup` wrote, such as one
 * with links or with names that backup.json does not list, BACKUP_DAMAGED for members that differ from backup.json, and
 * LIMIT_EXCEEDED. `file` is its name in messages. `take` gets the data of components, one after the other; without it they
 * are checked alone.
 */
export async function unpackBackup(
  stream: AsyncIterable<Uint8Array>,
  file: string,
  take?: TakeData,
): Promise<{ readonly document: BackupDocument; readonly files: readonly BackupFile[] }> {
  const tar = new TarOfBackup(stream, file);
  const first = await tar.next();
  if (first?.path !== BACKUP_DOCUMENT) throw notABackup(file, `its first member is not ${BACKUP_DOCUMENT}`);
  const document = parseBackupDocument((await tar.content(DOCUMENT_LIMIT)).toString('utf8'), file);
  checkNames(document, file);
  const files: BackupFile[] = [];
  let left = BACKUP_LIMIT;
  for (const member of document.members) {
    const { path, size } = member;
    await expectMember(tar, { name: memberName(path), shownAs: path, size }, file);
    const content = await tar.content(left);
    left -= content.length;
    const digest = digestOf(content);
    if (digest !== member.digest) throw damaged(file, `"${path}" has the digest ${digest}, want ${member.digest}`);
    files.push({ ...member, content });
  }
  for (const data of document.data) {
    const name = dataName(data);
    await expectMember(tar, { name, shownAs: name, size: data.size }, file);
    await takeAll(
      checked(tar.stream(), data, (reason) => damaged(file, `"${name}" ${reason}`)),
      data,
      take,
    );
  }
  const more = await tar.next();
  if (more !== undefined) throw notABackup(file, `it has the member "${shown(more.path)}", which ${BACKUP_DOCUMENT} does not list`);
  return { document, files };
}

async function expectMember(
  tar: TarOfBackup,
  { name, shownAs, size }: { readonly name: string; readonly shownAs: string; readonly size: number },
  file: string,
): Promise<void> {
  const found = await tar.next();
  if (found === undefined) throw damaged(file, `"${shownAs}" is missing`);
  if (found.path !== name) throw notABackup(file, `it has "${shown(found.path)}" where "${shownAs}" belongs`);
  if (found.size !== size) throw damaged(file, `"${shownAs}" has ${found.size} bytes, want ${size}`);
}

/** Reads all bytes of a member, through `take` when there is one. */
async function takeAll(bytes: AsyncGenerator<Uint8Array>, data: BackupData, take: TakeData | undefined): Promise<void> {
  if (take !== undefined) {
    await take(data, Readable.from(bytes, { objectMode: false }));
    return;
  }
  for await (const chunk of bytes) void chunk;
}

/** The error for a backup that is not as it was written. */
export function damaged(file: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('BACKUP_DAMAGED', `Cannot restore "${file}": ${reason}`, {
    hint: 'Nothing was written. Copy the file again and compare the digests, or take another backup',
    ...(cause === undefined ? {} : { cause }),
  });
}

function checkNames({ members, data }: BackupDocument, file: string): void {
  const seen = new Set<string>();
  for (const one of data) {
    const path = `/${dataName(one)}`;
    if (seen.has(path)) throw notABackup(file, `it has "${path}" twice`);
    seen.add(path);
  }
  for (const { path, of } of members) {
    if (seen.has(path)) throw notABackup(file, `it has "${path}" twice`);
    seen.add(path);
    if (of === 'site' && !isSiteMember(path)) throw notABackup(file, `"${path}" is not a file of a site`);
  }
}

/** Reads members one after the other, regular files only. Holds no more than it was asked for, and one chunk. */
class TarOfBackup {
  readonly #source: AsyncIterator<Uint8Array, unknown>;
  readonly #file: string;
  #held = Buffer.alloc(0);
  #ended = false;
  #position = 0;
  #member: { readonly path: string; readonly size: number } | undefined;

  constructor(bytes: AsyncIterable<Uint8Array>, file: string) {
    this.#source = bytes[Symbol.asyncIterator]();
    this.#file = file;
  }

  /** Goes to the next member; undefined at the end of the archive. The content of the one before must have been read. */
  async next(): Promise<{ readonly path: string; readonly size: number } | undefined> {
    const { path, size, type, headerSize } = (await this.#header()) ?? {};
    if (path === undefined || headerSize === undefined) return undefined;
    if (type !== 'File') throw notABackup(this.#file, `its member "${shown(path)}" is not a regular file`);
    if (size === undefined || size < 0) throw notABackup(this.#file, `its member "${shown(path)}" has no size`);
    this.#drop(headerSize);
    this.#member = { path, size };
    return this.#member;
  }

  /** The whole content of the present member. Throws LIMIT_EXCEEDED when it is larger than `limit`. */
  async content(limit: number): Promise<Buffer> {
    if ((this.#member?.size ?? 0) > limit) throw limitExceeded(`"${this.#file}"`, limit);
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.stream()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** The content of the present member. */
  async *stream(): AsyncGenerator<Uint8Array> {
    const { path, size } = this.#member ?? { path: '', size: 0 };
    for (let left = size; left > 0;) {
      await this.#hold(1);
      if (this.#held.length === 0) throw damaged(this.#file, `it is cut in "${shown(path)}"`);
      const chunk = this.#held.subarray(0, left);
      this.#drop(chunk.length);
      left -= chunk.length;
      yield chunk;
    }
    const padding = roundToBlock(size) - size;
    await this.#hold(padding);
    this.#drop(padding);
  }

  async #header(): Promise<FoundTarHeader | undefined> {
    await this.#hold(TAR_HEADER_LIMIT);
    const reading = readTarHeader(this.#held);
    if (reading === 'truncated') throw damaged(this.#file, `it is cut at byte ${this.#position} of its tar`);
    if (reading === 'damaged') throw notABackup(this.#file, `it has no tar header at byte ${this.#position}`);
    if (reading !== 'end') return reading;
    await this.#readEnd();
    return undefined;
  }

  /** Reads the rest of the archive, which must be zeros. */
  async #readEnd(): Promise<void> {
    while (this.#held.length > 0) {
      if (this.#held.some((byte) => byte !== 0)) throw notABackup(this.#file, `bytes follow the end of its tar`);
      this.#drop(this.#held.length);
      await this.#hold(1);
    }
  }

  /** Reads until at least `count` bytes are held, or the source ends. */
  async #hold(count: number): Promise<void> {
    const chunks: Uint8Array[] = [this.#held];
    for (let length = this.#held.length; length < count && !this.#ended;) {
      const next = await this.#source.next();
      this.#ended = next.done === true;
      if (next.done === true) break;
      chunks.push(next.value);
      length += next.value.length;
    }
    if (chunks.length > 1) this.#held = Buffer.concat(chunks);
  }

  #drop(count: number): void {
    const dropped = Math.min(count, this.#held.length);
    this.#position += dropped;
    this.#held = this.#held.subarray(dropped);
  }
}

/** A name of a hostile file in a message. */
function shown(text: string): string {
  const clean = text.replaceAll(/\p{Cc}/gu, '?');
  return clean.length > 200 ? `${clean.slice(0, 200)}…` : clean;
}
