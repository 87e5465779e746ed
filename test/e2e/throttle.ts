import type { IncomingMessage, ServerResponse } from 'node:http';

const TICK_MS = 20;

/** Sends blobs no faster than a rate, and counts: every byte that it handed to a connection, every connection that broke. */
export class Throttle {
  sent = 0;
  broken = 0;
  readonly #blobs: ReadonlyMap<string, Buffer>;
  readonly #bytesPerSecond: number;

  constructor(blobs: ReadonlyMap<string, Buffer>, bytesPerSecond: number) {
    this.#blobs = blobs;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Answers a request for one of the blobs, as an `intercept` of the loopback registry. */
  readonly intercept = (request: IncomingMessage, response: ServerResponse): boolean => {
    const bytes = this.#blobs.get(request.url?.split('/').at(-1) ?? '');
    if (bytes === undefined) return false;
    let position = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(position === 0 ? 200 : 206, {
      'content-length': bytes.byteLength - position,
      ...(position === 0 ? {} : { 'content-range': `bytes ${position}-${bytes.byteLength - 1}/${bytes.byteLength}` }),
    });
    const timer = setInterval(() => {
      if (response.writableNeedDrain) return;
      const part = bytes.subarray(position, position + (this.#bytesPerSecond * TICK_MS) / 1000);
      response.write(part);
      position += part.byteLength;
      this.sent += part.byteLength;
      if (position < bytes.byteLength) return;
      clearInterval(timer);
      response.end();
    }, TICK_MS);
    response.once('close', () => {
      clearInterval(timer);
      if (!response.writableFinished) this.broken += 1;
    });
    return true;
  };
}
