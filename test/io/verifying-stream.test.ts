import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { digestOf, DigestMismatchError } from '../../src/core/index.ts';
import { verifying } from '../../src/io/index.ts';

const BYTES = Buffer.from('the promised bytes');
const PROMISE = { digest: digestOf(BYTES), size: BYTES.byteLength };

async function pass(chunks: readonly Buffer[], promise = PROMISE): Promise<Buffer> {
  const got: Buffer[] = [];
  await pipeline(Readable.from(chunks), verifying('a file', promise), async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) got.push(chunk);
  });
  return Buffer.concat(got);
}

describe('verifying', () => {
  it('passes the promised bytes through, however they are cut', async () => {
    expect(await pass([BYTES.subarray(0, 1), BYTES.subarray(1, 7), BYTES.subarray(7)])).toEqual(BYTES);
  });

  it('passes no bytes when none are promised', async () => {
    expect(await pass([], { digest: digestOf(''), size: 0 })).toEqual(Buffer.alloc(0));
  });

  it('fails at the end for other bytes of the same size', async () => {
    const other = Buffer.from(BYTES).fill('x', 3, 4);
    await expect(pass([other])).rejects.toMatchObject({ name: 'DigestMismatchError', actual: { digest: digestOf(other), size: 18 } });
  });

  it('fails for bytes that end early', async () => {
    await expect(pass([BYTES.subarray(0, 5)])).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      hint: 'The source ended early',
      actual: { size: 5 },
    });
  });

  it('stops at the first chunk with a byte too many instead of reading an endless source', async () => {
    let sent = 0;
    const endless = Readable.from(
      (function* chunks() {
        for (;;) {
          sent += 1;
          yield Buffer.alloc(1024);
        }
      })(),
    );
    await expect(
      pipeline(endless, verifying('a file', PROMISE), async (source: AsyncIterable<Buffer>) => {
        for await (const chunk of source) expect(chunk.byteLength).toBeLessThanOrEqual(PROMISE.size);
      }),
    ).rejects.toBeInstanceOf(DigestMismatchError);
    expect(sent).toBeLessThan(100);
    expect(endless.destroyed).toBe(true);
  });
});
