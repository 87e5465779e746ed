import { Readable } from 'node:stream';
import { createGunzip, gzip as gzipBytes } from 'node:zlib';
import { Decompress as ZstdDecoder } from 'fzstd';
import Bunzip from 'seek-bzip';
import xzDecompress from 'xz-decompress';
import { CaissonError, messageOf } from '../core/index.ts';
import { lz4Blocks } from './lz4.ts';
import { lzmaChunks } from './lzma.ts';

export interface DecompressOptions {
  /** Most bytes that may come out. One more is an error, so that a small file cannot fill the memory. */
  readonly limit: number;
  /** Name of the bytes in messages: a URL or a path. */
  readonly what: string;
  readonly signal?: AbortSignal;
}

type Format = 'gzip' | 'xz' | 'zstd' | 'bzip2' | 'lz4' | 'lzma';

/**
 * RFC 1952 section 2.3.1; The .xz File Format section 2.1.1.1; RFC 8878 section 3.1.1; the first letters of bzip2; the LZ4
 * frame format. Files of the old lzma program have no such mark: they begin with the usual properties and a dictionary of
 * whole 64 KiB.
 */
const MAGIC: Readonly<Record<Format, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  bzip2: [0x42, 0x5a, 0x68],
  lz4: [0x04, 0x22, 0x4d, 0x18],
  lzma: [0x5d, 0x00, 0x00],
};
const FORMATS: readonly Format[] = ['gzip', 'xz', 'zstd', 'bzip2', 'lz4', 'lzma'];

/**
 * The content of a gzip, xz, zstd, bzip2, lz4 or lzma file, told apart by their first bytes. Throws COMPRESSION_INVALID for
 * another format and for damaged, truncated or empty input, LIMIT_EXCEEDED for more than `limit` bytes of content. xz files
 * with filters (BCJ, delta) or SHA-256 checks are refused as damaged: no package index uses them. Checksums inside zstd and
 * lz4 files are not looked at, so callers hold a digest against the file.
 */
export async function decompress(bytes: Uint8Array, options: DecompressOptions): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of decompressChunks(bytes, options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** As `decompress`, in pieces, for content that need not be in memory as a whole. Errors come after the pieces before them. */
export async function* decompressChunks(bytes: Uint8Array, options: DecompressOptions): AsyncGenerator<Buffer> {
  const { limit, what, signal } = options;
  const format = formatOf(bytes);
  if (format === undefined) {
    throw new CaissonError('COMPRESSION_INVALID', `Cannot decompress "${what}": it is none of ${FORMATS.join(', ')}`);
  }
  let total = 0;
  try {
    for await (const chunk of OPEN[format](bytes, limit)) {
      signal?.throwIfAborted();
      total += chunk.byteLength;
      if (total > limit) break;
      if (chunk.byteLength > 0) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw new CaissonError('COMPRESSION_INVALID', `Cannot decompress "${what}": its ${format} data is damaged or cut short`, {
      cause: error,
      hint: `Fetch it again; the decoder said: ${messageOf(error)}`,
    });
  }
  if (total > limit) {
    throw new CaissonError('LIMIT_EXCEEDED', `Cannot decompress "${what}": it holds more than ${limit} bytes`);
  }
}

const OPEN: Readonly<Record<Format, (bytes: Uint8Array, limit: number) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>>> = {
  gzip: (bytes) => {
    const gunzip = createGunzip({ chunkSize: 2 ** 16 });
    Readable.from([bytes]).pipe(gunzip);
    return gunzip;
  },
  xz: xzChunks,
  zstd: zstdChunks,
  bzip2: bzip2Chunks,
  lz4: lz4Blocks,
  lzma: lzmaChunks,
};

function formatOf(bytes: Uint8Array): Format | undefined {
  return FORMATS.find((format) => MAGIC[format].every((byte, index) => bytes[index] === byte));
}

/** Bytes that a decoder gets at once. */
const PIECE = 2 ** 16;

function* zstdChunks(bytes: Uint8Array): Generator<Uint8Array> {
  let ready: Uint8Array[] = [];
  const decoder = new ZstdDecoder((chunk) => ready.push(chunk));
  for (let start = 0; start < bytes.byteLength; start += PIECE) {
    decoder.push(bytes.subarray(start, start + PIECE), start + PIECE >= bytes.byteLength);
    yield* ready;
    ready = [];
  }
}

/** Bytes of a bzip2 file without content. */
const SMALLEST_BZIP2 = 14;

/** The decoder writes byte by byte and cannot be asked for a part: it is stopped one byte behind the limit. */
function* bzip2Chunks(bytes: Uint8Array, limit: number): Generator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let chunk = new Uint8Array(PIECE);
  let used = 0;
  let total = 0;
  // The decoder takes a header alone for a file of nothing.
  if (bytes.byteLength < SMALLEST_BZIP2) throw new Error('it is cut short');
  const output = {
    writeByte: (byte: number): void => {
      if (total > limit) throw new RangeError('the limit is reached');
      if (used === PIECE) {
        chunks.push(chunk);
        chunk = new Uint8Array(PIECE);
        used = 0;
      }
      chunk[used++] = byte;
      total += 1;
    },
    flush: (): void => {},
  };
  try {
    Bunzip.decode(Buffer.from(bytes), output, true);
  } catch (error) {
    if (total <= limit) throw error;
  }
  yield* chunks;
  yield chunk.subarray(0, used);
}

async function* xzChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(bytes);
      controller.close();
    },
  });
  const reader = new xzDecompress.XzReadableStream(source).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    // The decoder is one for the whole process: a stream that is left half-read must give it back.
    await reader.cancel().catch(() => {});
  }
}

/** Compresses bytes as gzip (RFC 1952), without a name and a time, so that the same bytes give the same result. */
export async function gzip(bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzipBytes(bytes, (error, compressed) => (error === null ? resolve(compressed) : reject(error)));
  });
}
