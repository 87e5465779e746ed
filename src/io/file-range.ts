import { open, type FileHandle } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';

/** Bytes of one read: large enough for the speed of sendfile, small enough for many streams at once. */
export const READ_SIZE = 1024 * 1024;

/** Smallest read in bytes, used with hundreds of streams; 256 KiB has two thirds of the speed of READ_SIZE. */
const SMALLEST_READ = 32 * 1024;
/** Bytes that the buffers of all streams together should have at most; each stream has two buffers. */
const BUFFER_BUDGET = 32 * 1024 * 1024;

/** One of the files that a SharedFile consists of: it holds the bytes from `start` up to, not including, `end`. */
export interface FilePart {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  /** The descriptor's number, for worker threads; valid until the SharedFile is closed. */
  readonly fd: number;
}

/**
 * A file, or several that are read as if they were joined, which many readers share through one descriptor for each: every
 * read says where. Throws INPUT_UNREADABLE for a file that is not there, is not a regular file, cannot be read, or ends
 * before a read is complete.
 */
export class SharedFile {
  /** Path of the first file. */
  readonly path: string;
  /** Size when it was opened, of all files together. */
  readonly size: number;
  /** In the order of their bytes; one at least. */
  readonly parts: readonly FilePart[];
  readonly #opened: readonly OpenFile[];
  readonly #handles: readonly FileHandle[];
  readonly #streams = new Set<FileRange>();
  readonly #growing: boolean;

  private constructor(opened: readonly OpenFile[], growing = false) {
    this.#opened = opened;
    this.#growing = growing;
    let size = 0;
    this.parts = opened.map((file) => {
      const start = size;
      size += file.size;
      return { path: file.path, start, end: size, fd: file.handle.fd };
    });
    this.path = opened[0]?.path ?? '';
    this.size = size;
    this.#handles = opened.map(({ handle }) => handle);
  }

  static async open(path: string, ...more: readonly string[]): Promise<SharedFile> {
    const opened: OpenFile[] = [];
    try {
      for (const each of [path, ...more]) opened.push(await openFile(each));
      return new SharedFile(opened);
    } catch (error) {
      for (const { handle } of opened) await handle.close();
      throw error;
    }
  }

  /** Opens a file that is being written. */
  static async openGrowing(path: string): Promise<SharedFile> {
    return new SharedFile([await openFile(path)], true);
  }

  /**
   * How a file differs from the one that was opened: its size, or the time of its last change. Undefined when it does not,
   * and for one that was opened growing. A file that was renamed, replaced or removed is read on as it was.
   */
  async changed(): Promise<string | undefined> {
    if (this.#growing) return undefined;
    for (const { path, size, modified, handle } of this.#opened) {
      const now = await handle.stat().catch((error: unknown) => messageOf(error));
      if (typeof now === 'string') return `"${path}" cannot be read any more: ${now}`;
      if (now.size !== size) return `"${path}" has ${now.size} bytes, and had ${size} when it was opened`;
      if (now.mtimeMs !== modified) return `"${path}" was written to at ${now.mtime.toISOString()}, after it was opened`;
    }
    return undefined;
  }

  /** Throws INPUT_UNREADABLE when a file has changed since it was opened. */
  async requireUnchanged(): Promise<void> {
    const reason = await this.changed();
    if (reason !== undefined) throw new CaissonError('INPUT_UNREADABLE', `Cannot go on reading "${this.path}": ${reason}`);
  }

  /** How many streams of this file are open. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** The files that hold some of the bytes from `start` up to, not including, `end`. */
  partsOf(start: number, end: number): readonly FilePart[] {
    return this.parts.filter((part) => part.start < end && part.end > start);
  }

  /** Exactly `length` bytes from `start`. */
  async read(start: number, length: number): Promise<Buffer> {
    const bytes = length < READ_SIZE ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    await this.readInto(bytes, start);
    return bytes;
  }

  /** Fills a buffer with the bytes from `start`. */
  async readInto(bytes: Buffer, start: number): Promise<void> {
    for (let filled = 0; filled < bytes.byteLength;) {
      const position = start + filled;
      const index = this.#indexAt(position);
      const part = this.parts[index];
      const handle = this.#handles[index];
      if (part === undefined || handle === undefined) throw endsEarly(this.path, position);
      const wanted = Math.min(bytes.byteLength - filled, index === this.parts.length - 1 ? Infinity : part.end - position);
      const { bytesRead } = await handle.read(bytes, filled, wanted, position - part.start).catch((error: unknown) => {
        throw unreadable(part.path, position - part.start, error);
      });
      if (bytesRead === 0) throw endsEarly(part.path, position - part.start);
      filled += bytesRead;
    }
  }

  /** Streams bytes `start` up to, not including, `end`. An early end of the file is an error of the stream. */
  stream(start: number, end: number): FileRange {
    const stream = new FileRange(this, start, end);
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  /** Ends the streams that are still open with an error, then closes the file. May be called twice. */
  async close(): Promise<void> {
    for (const stream of this.#streams) {
      stream.destroy(new CaissonError('INPUT_UNREADABLE', `Cannot go on reading "${this.path}": it was closed`));
    }
    for (const handle of this.#handles) await handle.close();
  }

  /** Index of the part that holds the byte at a position; none beyond the end. */
  #indexAt(position: number): number {
    let low = 0;
    // A position behind the end gives the last part, whose read then reports the early end.
    let high = this.parts.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.parts[middle]?.end ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

interface OpenFile {
  readonly path: string;
  readonly size: number;
  /** Time of the last change, in milliseconds. */
  readonly modified: number;
  readonly handle: FileHandle;
}

async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    const reason = errnoOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new CaissonError('INPUT_UNREADABLE', `Cannot open "${path}": ${reason}`, { cause: error });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new CaissonError('INPUT_UNREADABLE', `Cannot open "${path}": it is not a regular file`);
    return { path, size: stats.size, modified: stats.mtimeMs, handle };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function endsEarly(path: string, position: number): CaissonError {
  return new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": it ends at byte ${position}`);
}

/** A part of a SharedFile as a stream, which can also send itself. */
export class FileRange extends Readable {
  readonly #file: SharedFile;
  readonly #end: number;
  #position: number;

  constructor(file: SharedFile, start: number, end: number) {
    super({ highWaterMark: READ_SIZE });
    this.#file = file;
    this.#position = start;
    this.#end = end;
  }

  /** Bytes that are not read yet. */
  get left(): number {
    return this.#end - this.#position;
  }

  override _read(): void {
    const length = Math.min(READ_SIZE, this.left);
    if (length <= 0) {
      this.push(null);
      return;
    }
    const start = this.#position;
    this.#position += length;
    this.#file.read(start, length).then(
      (bytes) => this.push(bytes),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /**
   * Reads everything into one buffer, for small parts, and closes itself. Must be the first read from this stream. Throws
   * when the file has changed since it was opened.
   */
  async readWhole(): Promise<Buffer> {
    const start = this.#position;
    this.#position = this.#end;
    try {
      const bytes = await this.#file.read(start, this.#end - start);
      await this.#file.requireUnchanged();
      return bytes;
    } finally {
      this.destroy();
    }
  }

  /**
   * Writes everything to a stream, whose end stays to the caller, and closes itself: as pipeline does, but through two
   * buffers that are used again and again, so that a large part costs half. One is filled while the other is being
   * written. Must be the first read from this stream. Throws when the file fails, when this is destroyed, and with
   * ERR_STREAM_PREMATURE_CLOSE when the destination closes; before the last bytes are written, also when the file has
   * changed since it was opened.
   */
  async sendTo(destination: Writable): Promise<void> {
    let stop = (): void => {};
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(Object.assign(new Error('The destination was closed'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }));
      this.once('error', reject).once('close', stop);
      destination.once('close', stop);
      if (destination.destroyed) stop();
    });
    try {
      await Promise.race([stopped, this.#pump(destination)]);
    } finally {
      destination.off('close', stop);
      this.destroy();
    }
  }

  async #pump(destination: Writable): Promise<void> {
    const size = Math.min(readSizeFor(this.#file.openStreams), this.left);
    let [free, busy] = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)];
    let written = Promise.resolve();
    while (this.left > 0 && !this.destroyed) {
      const bytes = free.subarray(0, Math.min(size, this.left));
      await Promise.all([this.#file.readInto(bytes, this.#position), written]);
      this.#position += bytes.byteLength;
      if (this.left === 0) await this.#file.requireUnchanged();
      written = writeTo(destination, bytes);
      [free, busy] = [busy, free];
    }
    await written;
  }
}

/** 1 MiB for up to 16 streams, a half for up to 32, and so on down to 32 KiB for more than 256. */
function readSizeFor(streams: number): number {
  let size = READ_SIZE;
  while (size > SMALLEST_READ && 2 * size * streams > BUFFER_BUDGET) size /= 2;
  return size;
}

/** Resolves when the bytes are gone and their buffer may be used again. */
async function writeTo(destination: Writable, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    destination.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function unreadable(path: string, position: number, cause: unknown): CaissonError {
  return new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}" at byte ${position}: ${messageOf(cause)}`, {
    cause,
    ...(errnoOf(cause) === 'EIO'
      ? { hint: 'The medium or its disk reports a fault (see dmesg): copy the file again, or take another medium' }
      : {}),
  });
}
