import { Readable } from 'node:stream';

/** The same bytes, with errors in our words. `onBytes` is told of every piece that arrives. */
export function translated(body: Readable, translate: (error: unknown) => unknown, onBytes: () => void): Readable {
  const stream = new Readable({
    read: () => {
      body.resume();
    },
    destroy: (error, done) => {
      body.destroy();
      done(error);
    },
  });
  body.on('data', (chunk: Buffer) => {
    onBytes();
    if (!stream.push(chunk)) body.pause();
  });
  body.once('end', () => stream.push(null));
  body.on('error', (error) => {
    const reason = translate(error);
    stream.destroy(reason instanceof Error ? reason : new Error(String(reason)));
  });
  body.pause();
  // The body may break before it is read; a later reader still gets the error.
  stream.on('error', () => {});
  return stream;
}
