import { Readable } from 'node:stream';
import { silent, type Emit } from '../core/index.ts';
import { sleep } from '../io/index.ts';
import { FetchError } from './fetch-error.ts';

/** A body and the position of its first byte, at or before the one asked for. */
export interface BodyAt {
  readonly body: Readable;
  readonly startsAt: number;
}

export interface ResumingOptions {
  /** The URL, for events and messages. */
  readonly url: string;
  readonly offset?: number | undefined;
  /** The size of the whole, when known: a body that ends before it is resumed, too. */
  readonly size?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit;
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** Milliseconds to wait after each break without progress; after the last wait a break is final. */
  readonly delaysMs?: readonly number[];
}

/** A break after this many bytes does not count against the attempts: the download gets on. */
const PROGRESS = 1024 * 1024;

/**
 * A stream of the bytes from `offset` on that goes on where it stood when the connection breaks. `open` is called anew
 * each time, since signed addresses and tokens expire; its errors are final. A body that starts earlier than asked is
 * read and dropped up to the position, so the reader sees each byte once. Whether the parts belong together only a
 * digest can tell: the reader must check it.
 */
export async function resumingStream(
  open: (offset: number, signal: AbortSignal) => Promise<BodyAt>,
  options: ResumingOptions,
): Promise<Readable> {
  const closed = new AbortController();
  const signal = options.signal === undefined ? closed.signal : AbortSignal.any([options.signal, closed.signal]);
  const offset = options.offset ?? 0;
  if (options.size !== undefined && offset >= options.size) return Readable.from([], { objectMode: false });

  const first = await open(offset, signal);
  const stream = Readable.from(bytesOf(first, open, { ...options, offset, signal }), { objectMode: false });
  // A reader that leaves must not wait for the next byte of a stalled connection.
  stream.once('close', () => closed.abort());
  return stream;
}

async function* bytesOf(
  first: BodyAt,
  open: (offset: number, signal: AbortSignal) => Promise<BodyAt>,
  options: ResumingOptions & { readonly offset: number; readonly signal: AbortSignal },
): AsyncGenerator<Buffer> {
  const { url, size, signal, emit = silent, delaysMs = [500, 2000, 6000] } = options;
  let position = options.offset;
  let current = first;
  let breaks = 0;
  let lastBreakAt = position;
  for (;;) {
    try {
      for await (const chunk of from(current, position)) {
        position += chunk.byteLength;
        yield chunk;
      }
      if (size === undefined || position >= size) return;
      throw new FetchError(url, `it ended after ${position} of ${size} bytes`, { transient: true });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof FetchError) || !error.transient) throw error;
      if (size !== undefined && position >= size) return;
      if (position - lastBreakAt >= PROGRESS) breaks = 0;
      lastBreakAt = position;
      const delayMs = delaysMs[breaks];
      breaks += 1;
      if (delayMs === undefined) throw error;
      emit({ type: 'retry', what: url, reason: error.message, attempt: breaks, delayMs });
      await (options.sleep ?? sleep)(delayMs, signal);
    }
    current = await open(position, signal);
  }
}

/** The bytes of a body from `position` on. */
async function* from(part: BodyAt, position: number): AsyncGenerator<Buffer> {
  let skip = position - part.startsAt;
  for await (const chunk of part.body) {
    const bytes: unknown = chunk;
    if (!(bytes instanceof Buffer)) throw new TypeError('A response body must be a stream of bytes');
    if (skip >= bytes.byteLength) skip -= bytes.byteLength;
    else {
      yield skip === 0 ? bytes : bytes.subarray(skip);
      skip = 0;
    }
  }
}
