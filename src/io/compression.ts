import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import xzDecompress from 'xz-decompress';
import { CaissonError, messageOf } from '../core/index.ts';

export interface DecompressOptions {
  /** Most bytes that may come out. One more is an error, so that a small file cannot fill the memory. */
  readonly limit: number;
  /** Name of the bytes in messages: a URL or a path. */
  readonly what: string;
  readonly signal?: AbortSignal;
}

type Format = 'gzip' | 'xz';

/** RFC 1952 section 2.3.1; The .xz File Format section 2.1.1.1. */
const MAGIC: Readonly<Record<Format, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
};

/**
 * The content of a gzip or xz file, told apart by their first bytes. Throws COMPRESSION_INVALID for another format and
 * for damaged, truncated or empty input, LIMIT_EXCEEDED for more than `limit` bytes of content. xz files with filters (BCJ, delta) or
 * SHA-256 checks are refused as damaged: no package index uses them.
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
    throw new CaissonError('COMPRESSION_INVALID', `Cannot decompress "${what}": it is neither gzip nor xz`);
  }
  let total = 0;
  try {
    for await (const chunk of OPEN[format](bytes)) {
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

const OPEN: Readonly<Record<Format, (bytes: Uint8Array) => AsyncIterable<Uint8Array>>> = {
  gzip: (bytes) => {
    const gunzip = createGunzip({ chunkSize: 2 ** 16 });
    Readable.from([bytes]).pipe(gunzip);
    return gunzip;
  },
  xz: xzChunks,
};

function formatOf(bytes: Uint8Array): Format | undefined {
  const formats: readonly Format[] = ['gzip', 'xz'];
  return formats.find((format) => MAGIC[format].every((byte, index) => bytes[index] === byte));
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
