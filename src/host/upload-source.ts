import { addAbortSignal, Readable } from 'node:stream';

/** Yields the bytes of an upload. Destroys a stream when the signal fires, also while it waits for bytes. */
export async function* chunksOf(source: Readable | Uint8Array | string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!(source instanceof Readable)) {
    yield typeof source === 'string' ? Buffer.from(source) : source;
    return;
  }
  if (signal !== undefined) addAbortSignal(signal, source);
  for await (const chunk of source) {
    const bytes: unknown = chunk;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('an upload needs a stream of bytes');
    yield bytes;
  }
}
