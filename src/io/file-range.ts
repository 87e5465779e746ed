import { open, type FileHandle } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';

/** What one read asks for: large enough to keep up with sendfile, small enough for many streams at once. */
export const READ_SIZE = 1024 * 1024;

/** Smaller reads cost more: 256 KiB a third of the speed. */
const SMALLEST_READ = 256 * 1024;
/** What the buffers of all streams that are being sent should not exceed by much; each has two. */
const BUFFER_BUDGET = 32 * 1024 * 1024;

/**
 * A file that many readers share through one descriptor: every read says where. Throws INPUT_UNREADABLE for a file that
 * is not there, is not a regular file, or ends before a read is complete.
 */
export class SharedFile {
  readonly path: string;
  /** Size when it was opened. */
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #streams = new Set<FileRange>();

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path;
    this.size = size;
    this.#handle = handle;
  }

  static async open(path: string): Promise<SharedFile> {
    const handle = await open(path, 'r').catch((error: unknown) => {
      const reason = errnoOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
      throw new CaissonError('INPUT_UNREADABLE', `Cannot open "${path}": ${reason}`, { cause: error });
    });
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new CaissonError('INPUT_UNREADABLE', `Cannot open "${path}": it is not a regular file`);
      return new SharedFile(path, stats.size, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** How many streams of this file are open. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** The descriptor's number, for worker threads; valid until close. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** Exactly `length` bytes from `start`. */
  async read(start: number, length: number): Promise<Buffer> {
    const bytes = length < READ_SIZE ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    await this.readInto(bytes, start);
    return bytes;
  }

  /** Fills a buffer with the bytes from `start`. */
  async readInto(bytes: Buffer, start: number): Promise<void> {
    let filled = 0;
    while (filled < bytes.byteLength) {
      const { bytesRead } = await this.#read(bytes, filled, start + filled);
      if (bytesRead === 0) throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${this.path}": it ends at byte ${start + filled}`);
      filled += bytesRead;
    }
  }

  async #read(bytes: Buffer, filled: number, position: number): Promise<{ readonly bytesRead: number }> {
    try {
      return await this.#handle.read(bytes, filled, bytes.byteLength - filled, position);
    } catch (error) {
      throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${this.path}" at byte ${position}: ${messageOf(error)}`, {
        cause: error,
        ...(errnoOf(error) === 'EIO'
          ? { hint: 'The medium or its disk reports a fault (see dmesg): copy the file again, or take another medium' }
          : {}),
      });
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
    await this.#handle.close();
  }
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

  /** Everything in one buffer, for small parts; closes itself. Nobody may have read from this before. */
  async readWhole(): Promise<Buffer> {
    const start = this.#position;
    this.#position = this.#end;
    try {
      return await this.#file.read(start, this.#end - start);
    } finally {
      this.destroy();
    }
  }

  /**
   * Writes everything to a stream, whose end stays to the caller, and closes itself: as pipeline does, but through two
   * buffers that are used again and again, so that a large part costs half. One is filled while the other is being written.
   * Nobody may have read from this before. Throws when the file fails, when this is destroyed, and with
   * ERR_STREAM_PREMATURE_CLOSE when the destination closes.
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
      written = writeTo(destination, bytes);
      [free, busy] = [busy, free];
    }
    await written;
  }
}

/** 1 MiB for up to 16 streams, a half for up to 32, a quarter for more. */
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
