import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readLimited } from '../../src/io/index.ts';

describe('readLimited', () => {
  it('reads a stream of exactly the limit', async () => {
    expect(await readLimited(Readable.from([Buffer.from('ab'), Buffer.from('c')]), 3, '"x"')).toEqual(Buffer.from('abc'));
  });

  it('refuses one byte more and lets go of the stream', async () => {
    const stream = Readable.from([Buffer.from('ab'), Buffer.from('cd'), Buffer.from('ef')]);
    await expect(readLimited(stream, 3, '"x"')).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: 'Cannot read "x": it is larger than 3 B',
    });
    expect(stream.destroyed).toBe(true);
  });

  it('passes on the error of the stream', async () => {
    const stream = new Readable({ read: () => stream.destroy(new Error('broken')) });
    await expect(readLimited(stream, 3, '"x"')).rejects.toThrow('broken');
  });
});
