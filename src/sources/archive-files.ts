import { createReadStream, createWriteStream } from 'node:fs';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { CaissonError, errnoOf, formatSize, messageOf } from '../core/index.ts';
import { indexTar, SharedFile, type TarIndex } from '../io/index.ts';
import type { ImageFiles } from './image-files.ts';
import type { SpoolDirectory } from './spool-directory.ts';

/** Formats by their first bytes: RFC 1952; .xz; RFC 8878; bzip2. */
const COMPRESSIONS: readonly (readonly [string, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** Most bytes that an archive may unpack to, so that a small file cannot fill the disk. */
const SPOOL_LIMIT = 256 * 1024 ** 3;

export interface OpenArchiveOptions {
  readonly spool: SpoolDirectory;
  /** Most bytes that a compressed archive may unpack to. */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
  /** The name for messages, when the file is not the user's. */
  readonly shownAs?: string;
}

/**
 * Files of a tar archive, served from where they lie in it: only headers are read to open it. One that is compressed
 * with gzip is unpacked into the spool directory first.
 */
export class ArchiveFiles implements ImageFiles {
  readonly path: string;
  readonly #file: SharedFile;
  readonly #index: TarIndex;

  private constructor(path: string, file: SharedFile, index: TarIndex) {
    this.path = path;
    this.#file = file;
    this.#index = index;
  }

  /** Throws INPUT_UNREADABLE, ARCHIVE_INVALID, COMPRESSION_INVALID, LIMIT_EXCEEDED. */
  static async open(path: string, options: OpenArchiveOptions): Promise<ArchiveFiles> {
    const file = await openPlain(path, options);
    try {
      const shownAs = options.shownAs ?? path;
      return new ArchiveFiles(shownAs, file, await indexTar(file, { shownAs, signal: options.signal }));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async size(path: string): Promise<number | undefined> {
    return this.#index.find(path)?.size;
  }

  async open(path: string, offset: number): Promise<Readable> {
    const member = this.#index.find(path);
    if (member === undefined)
      throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}" of "${this.path}": it is not in the archive`);
    const end = member.offset + member.size;
    return this.#file.stream(Math.min(member.offset + offset, end), end);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function openPlain(path: string, options: OpenArchiveOptions): Promise<SharedFile> {
  const file = await SharedFile.open(path);
  let unpacked: string;
  try {
    const start = await file.read(0, Math.min(file.size, 6));
    const compression = COMPRESSIONS.find(([, magic]) => magic.every((byte, index) => start[index] === byte))?.[0];
    if (compression === undefined) return file;
    if (compression !== 'gzip') {
      throw new CaissonError('COMPRESSION_INVALID', `Cannot use archive "${path}": it is compressed with ${compression}`, {
        hint: `Unpack it first, with ${compression} -d, or compress it with gzip`,
      });
    }
    unpacked = await unpack(path, options);
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return SharedFile.open(unpacked);
}

/** Unpacks a gzip file into the spool directory and gives its path. */
async function unpack(path: string, { spool, limit = SPOOL_LIMIT, signal }: OpenArchiveOptions): Promise<string> {
  const target = await spool.newFile();
  await writeSpool(createReadStream(path, { highWaterMark: 1024 * 1024 }), target, {
    what: `archive "${path}"`,
    limit,
    through: createGunzip({ chunkSize: 1024 * 1024 }),
    signal,
  });
  return target;
}

export interface SpoolOptions {
  /** For messages. */
  readonly what: string;
  readonly limit?: number;
  readonly through?: Transform;
  readonly signal?: AbortSignal | undefined;
}

/** Writes a stream to a file of the spool directory. Throws COMPRESSION_INVALID, LIMIT_EXCEEDED, INPUT_UNREADABLE. */
export async function writeSpool(source: Readable, target: string, options: SpoolOptions): Promise<void> {
  const { what, limit = SPOOL_LIMIT, through, signal } = options;
  let size = 0;
  const counted = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      size += chunk.byteLength;
      if (size <= limit) done(null, chunk);
      else done(new CaissonError('LIMIT_EXCEEDED', `Cannot unpack ${what}: it holds more than ${formatSize(limit)}`));
    },
  });
  const sink = createWriteStream(target, { flags: 'wx', mode: 0o600 });
  const steps = through === undefined ? [source, counted, sink] : [source, through, counted, sink];
  try {
    await pipeline(steps, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof CaissonError) throw error;
    if (errnoOf(error)?.startsWith('Z_') === true) {
      throw new CaissonError('COMPRESSION_INVALID', `Cannot unpack ${what}: its gzip data is damaged or cut short`, {
        cause: error,
        hint: 'Make the archive again, or copy it again and compare the checksums',
      });
    }
    throw new CaissonError('INPUT_UNREADABLE', `Cannot unpack ${what} to "${target}": ${messageOf(error)}`, {
      cause: error,
      hint: 'It needs as much space as the image, unpacked; TMPDIR names another place',
    });
  }
}
