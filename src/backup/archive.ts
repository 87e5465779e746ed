import type { Readable } from 'node:stream';
import { CaissonError, digestOf } from '../core/index.ts';
import { readLimited, readTarHeader, roundToBlock, TAR_BLOCK, TAR_END, tarHeader, type FoundTarHeader } from '../io/index.ts';
import { BACKUP_DOCUMENT, memberName, notABackup, parseBackupDocument, type BackupDocument, type BackupMember } from './document.ts';
import { isSiteMember } from './site-members.ts';

/** Most bytes of all members together, in a backup that is written or read. */
export const BACKUP_LIMIT = 2 ** 30;
const DOCUMENT_LIMIT = 64 * 2 ** 20;

/** A member with its bytes. */
export interface BackupFile extends BackupMember {
  readonly content: Buffer;
}

/** The bytes of the tar: backup.json first, then the files in the order of its members. */
export function* packBackup(document: BackupDocument, files: readonly BackupFile[]): Generator<Buffer> {
  const modified = new Date(document.time);
  const member = function* (path: string, mode: number, content: Buffer): Generator<Buffer> {
    yield tarHeader({ path, size: content.length, mode }, modified);
    yield content;
    yield Buffer.alloc(roundToBlock(content.length) - content.length);
  };
  yield* member(BACKUP_DOCUMENT, 0o600, Buffer.from(`${JSON.stringify(document, null, 1)}\n`));
  for (const { path, mode, content } of files) yield* member(memberName(path), Number.parseInt(mode, 8), content);
  yield Buffer.alloc(TAR_END);
}

/**
 * Reads the tar of a backup and checks all of it. Throws BACKUP_INVALID for a tar that no `caisson backup` wrote, such as one
 * with links or with names that backup.json does not list, BACKUP_DAMAGED for members that differ from backup.json, and
 * LIMIT_EXCEEDED. `file` is its name in messages.
 */
export async function unpackBackup(
  stream: Readable,
  file: string,
): Promise<{ readonly document: BackupDocument; readonly files: readonly BackupFile[] }> {
  const bytes = await readLimited(stream, BACKUP_LIMIT + DOCUMENT_LIMIT, `"${file}"`);
  const tar = new TarOfBackup(bytes, file);
  const first = tar.next();
  if (first?.path !== BACKUP_DOCUMENT) throw notABackup(file, `its first member is not ${BACKUP_DOCUMENT}`);
  const document = parseBackupDocument(first.content.toString('utf8'), file);
  checkNames(document, file);
  const files = document.members.map((member): BackupFile => {
    const found = tar.next();
    if (found === undefined) throw damaged(file, `"${member.path}" is missing`);
    if (found.path !== memberName(member.path)) throw notABackup(file, `it has "${shown(found.path)}" where "${member.path}" belongs`);
    const { length } = found.content;
    if (length !== member.size) throw damaged(file, `"${member.path}" has ${length} bytes, want ${member.size}`);
    const digest = digestOf(found.content);
    if (digest !== member.digest) throw damaged(file, `"${member.path}" has the digest ${digest}, want ${member.digest}`);
    return { ...member, content: found.content };
  });
  const more = tar.next();
  if (more !== undefined) throw notABackup(file, `it has the member "${shown(more.path)}", which ${BACKUP_DOCUMENT} does not list`);
  return { document, files };
}

/** The error for a backup that is not as it was written. */
export function damaged(file: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('BACKUP_DAMAGED', `Cannot restore "${file}": ${reason}`, {
    hint: 'Nothing was written. Copy the file again and compare the digests, or take another backup',
    ...(cause === undefined ? {} : { cause }),
  });
}

function checkNames({ members }: BackupDocument, file: string): void {
  const seen = new Set<string>();
  for (const { path, of } of members) {
    if (seen.has(path)) throw notABackup(file, `it has "${path}" twice`);
    seen.add(path);
    if (of === 'site' && !isSiteMember(path)) throw notABackup(file, `"${path}" is not a file of a site`);
  }
}

/** Reads members one after the other, regular files only. */
class TarOfBackup {
  readonly #bytes: Buffer;
  readonly #file: string;
  #position = 0;

  constructor(bytes: Buffer, file: string) {
    this.#bytes = bytes;
    this.#file = file;
  }

  /** Undefined at the end of the archive. */
  next(): { readonly path: string; readonly content: Buffer } | undefined {
    const { path, size, type, headerSize } = this.#header() ?? {};
    if (path === undefined || headerSize === undefined) return undefined;
    if (type !== 'File') throw notABackup(this.#file, `its member "${shown(path)}" is not a regular file`);
    if (size === undefined || size < 0) throw notABackup(this.#file, `its member "${shown(path)}" has no size`);
    const start = this.#position + headerSize;
    if (start + size > this.#bytes.length) throw damaged(this.#file, `it is cut in "${shown(path)}"`);
    this.#position = start + roundToBlock(size);
    return { path, content: this.#bytes.subarray(start, start + size) };
  }

  #header(): FoundTarHeader | undefined {
    const rest = this.#bytes.subarray(this.#position);
    const reading = readTarHeader(rest);
    if (reading === 'truncated') throw damaged(this.#file, `it is cut at byte ${this.#position} of its tar`);
    if (reading === 'damaged') throw notABackup(this.#file, `it has no tar header at byte ${this.#position}`);
    if (reading !== 'end') return reading;
    if (rest.some((byte) => byte !== 0)) throw notABackup(this.#file, `bytes follow the end of its tar`);
    if (rest.length < TAR_BLOCK) throw damaged(this.#file, 'its tar has no end');
    return undefined;
  }
}

/** A name of a hostile file in a message. */
function shown(text: string): string {
  const clean = text.replaceAll(/\p{Cc}/gu, '?');
  return clean.length > 200 ? `${clean.slice(0, 200)}…` : clean;
}
