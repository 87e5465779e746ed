import { createHash } from 'node:crypto';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CaissonError, errnoOf } from '../../core/index.ts';
import { SharedFile, syncDirectory } from '../../io/index.ts';
import type { HashPoolOptions } from '../hash/hash-pool.ts';
import { checkRoom, identityOf, PositionedFile, writeError } from './positioned-file.ts';
import { PARTIAL, partialPath } from '../format/unfinished.ts';
import { hashVolumes, writeSidecar } from '../volumes/sidecar.ts';
import type { OutputPart } from '../volumes/volume-layout.ts';
import { parseVolumePath } from '../volumes/volume-path.ts';

/**
 * The file or the volumes that a bundle is written to, as if they were one file: each byte goes straight to its place.
 * They are called `.partial` until `publish` gives them their names. Every failure is BUNDLE_WRITE_FAILED with its remedy.
 */
export class OutputFiles {
  readonly output: string;
  readonly #parts: readonly OutputPart[];
  readonly #files: readonly PositionedFile[];

  private constructor(output: string, parts: readonly OutputPart[], files: readonly PositionedFile[]) {
    this.output = output;
    this.#parts = parts;
    this.#files = files;
  }

  /**
   * Opens the partial files as they are, or makes empty ones; removes those that were cut otherwise. When an earlier run
   * was killed while it gave volumes their names, `isOurs` recognises its files by their identity, and they become
   * partial files again. Throws BUNDLE_EXISTS when a name is taken, BUNDLE_WRITE_FAILED when the disk has no room for
   * the missing bytes.
   */
  static async open(output: string, parts: readonly OutputPart[], isOurs: (identity: string) => Promise<boolean>): Promise<OutputFiles> {
    await takeNamesBack(output, parts, isOurs);
    await refuseExisting(output, parts);
    await removeOtherPartials(output, parts);
    const files: PositionedFile[] = [];
    try {
      for (const part of parts) files.push(await PositionedFile.open(partialOf(part), part.end - part.start));
      const opened = new OutputFiles(output, parts, files);
      const missing = await Promise.all(files.map((file) => file.missing()));
      if (!missing.includes(undefined)) await opened.#checkRoom(missing.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0));
      return opened;
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
  }

  /** Path of the first file, until it has its name. */
  get path(): string {
    return this.#files[0]?.path ?? this.output;
  }

  /** Tells these files, with these sizes, from others that have the same names later. */
  async identity(): Promise<string> {
    return joinIdentities(await Promise.all(this.#files.map((file) => file.identity())));
  }

  /**
   * Empties the files and extends them with sparse zeros to their sizes. Throws BUNDLE_WRITE_FAILED when the disk has no
   * room for them.
   */
  async clear(): Promise<void> {
    for (const file of this.#files) await file.truncate(0);
    await this.#checkRoom(this.#parts.reduce((sum, { start, end }) => sum + end - start, 0));
    for (const file of this.#files) await file.truncate();
  }

  /** Fills a buffer with the bytes at a position. */
  async read(bytes: Uint8Array, position: number): Promise<void> {
    for (const { file, from, to, at } of this.#pieces(bytes, position)) await file.read(bytes.subarray(from, to), at);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (const { file, from, to, at } of this.#pieces(bytes, position)) await file.write(bytes.subarray(from, to), at);
  }

  /** Makes the written bytes survive a power cut. */
  async sync(): Promise<void> {
    for (const file of this.#files) await file.sync();
  }

  /**
   * Gives the files their names. The first volume gets its name last, because volumes without the first one are not
   * opened as a bundle. Before, each volume is read once and its digest put beside it. Throws BUNDLE_EXISTS when a name
   * was taken meanwhile.
   */
  async publish(options: HashPoolOptions): Promise<void> {
    await this.refuseTaken();
    if (this.isCut) await this.#writeSidecars(options);
    options.signal?.throwIfAborted();
    const [first, ...others] = this.#parts;
    for (const part of others.toReversed()) await giveName(part);
    if (others.length > 0) await syncDirectory(dirname(this.output));
    if (first !== undefined) await giveName(first);
    await syncDirectory(dirname(this.output));
  }

  /** Throws BUNDLE_EXISTS when one of the names is taken. */
  async refuseTaken(): Promise<void> {
    await refuseExisting(this.output, this.#parts);
  }

  /** True for volumes, also for a single one. */
  get isCut(): boolean {
    return this.#parts[0]?.path !== this.output;
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }

  /** Removes the partial files. */
  async remove(): Promise<void> {
    for (const file of this.#files) await rm(file.path, { force: true });
  }

  async #checkRoom(missing: number): Promise<void> {
    await checkRoom(this.path, missing).catch((error: unknown) => {
      throw writeError(this.path, error);
    });
  }

  async #writeSidecars(options: HashPoolOptions): Promise<void> {
    const [first = '', ...others] = this.#parts.map(partialOf);
    const written = await SharedFile.open(first, ...others);
    try {
      const digests = await hashVolumes(written.parts, options);
      for (const [index, part] of written.parts.entries()) {
        const [digest, path] = [digests.get(part), this.#parts[index]?.path];
        if (digest === undefined || path === undefined) {
          throw new CaissonError('BUNDLE_WRITE_FAILED', `Cannot read back "${part.path}"`, {
            hint: 'The disk may report a fault: look at the kernel log (dmesg)',
          });
        }
        await writeSidecar(path, digest).catch((error: unknown) => {
          throw writeError(path, error);
        });
      }
    } finally {
      await written.close();
    }
  }

  /** The stretches of a buffer by the file that has them. */
  *#pieces(bytes: Uint8Array, position: number): Generator<{ file: PositionedFile; from: number; to: number; at: number }> {
    for (let from = 0; from < bytes.byteLength;) {
      const start = position + from;
      const index = this.#parts.findIndex(({ end }) => start < end);
      const [part, file] = [this.#parts[index], this.#files[index]];
      if (part === undefined || file === undefined) throw new Error(`Byte ${start} is behind the end of "${this.output}"`);
      const to = Math.min(bytes.byteLength, part.end - position);
      yield { file, from, to, at: start - part.start };
      from = to;
    }
  }
}

function partialOf({ path }: OutputPart): string {
  return partialPath(path);
}

async function giveName(part: OutputPart): Promise<void> {
  await rename(partialOf(part), part.path).catch((error: unknown) => {
    throw writeError(part.path, error);
  });
}

/** One word, also for thousands of volumes. */
function joinIdentities(identities: readonly string[]): string {
  const [only = '', ...more] = identities;
  return more.length === 0 ? only : `volumes:${createHash('sha256').update(identities.join(' ')).digest('hex')}`;
}

/** Only the volumes behind the first can have their names while the bundle is not complete. */
async function takeNamesBack(output: string, parts: readonly OutputPart[], isOurs: (identity: string) => Promise<boolean>): Promise<void> {
  const [first, ...others] = parts;
  if (first === undefined || (await exists(first.path))) return;
  const named: OutputPart[] = [];
  for (const part of others) if (await exists(part.path)) named.push(part);
  if (named.length === 0) return;
  const identities = await Promise.all(parts.map((part) => identityOf(named.includes(part) ? part.path : partialOf(part))));
  const known = identities.filter((identity) => identity !== undefined);
  if (known.length < parts.length || !(await isOurs(joinIdentities(known)))) return;
  for (const part of named) {
    await rename(part.path, partialOf(part)).catch((error: unknown) => {
      throw writeError(output, error);
    });
  }
}

/** Throws BUNDLE_EXISTS; for volumes, also when there is one of another number, which would be taken for one of these. */
async function refuseExisting(output: string, parts: readonly OutputPart[]): Promise<void> {
  const isCut = parts[0]?.path !== output;
  const taken = isCut ? (await namesBeside(output)).find((name) => parseVolumePath(name)?.whole === basename(output)) : undefined;
  const path = taken === undefined ? output : join(dirname(output), taken);
  if (isCut ? taken === undefined : !(await exists(output))) return;
  throw new CaissonError('BUNDLE_EXISTS', `Cannot write "${output}": ${isCut ? `"${path}"` : 'it'} exists already`, {
    hint: 'Move it away, or choose another --output',
  });
}

/** Removes partial files of an earlier run that cut the same bundle otherwise: they cannot be continued, and they take room. */
async function removeOtherPartials(output: string, parts: readonly OutputPart[]): Promise<void> {
  const ours = new Set(parts.map((part) => basename(partialOf(part))));
  for (const name of await namesBeside(output)) {
    if (!name.endsWith(PARTIAL) || ours.has(name)) continue;
    const whole = name.slice(0, -PARTIAL.length);
    if (whole !== basename(output) && parseVolumePath(whole)?.whole !== basename(output)) continue;
    await rm(join(dirname(output), name), { force: true }).catch((error: unknown) => {
      throw writeError(output, error);
    });
  }
}

async function namesBeside(output: string): Promise<readonly string[]> {
  return readdir(dirname(output)).catch((error: unknown) => {
    throw writeError(output, error);
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return false;
      throw writeError(path, error);
    },
  );
}
