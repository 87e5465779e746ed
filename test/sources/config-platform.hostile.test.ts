import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { readConfigPlatform } from '../../src/sources/config-platform.ts';
import { codeOf, HOSTILE_BYTES } from '../support/hostile-texts.ts';

function descriptorOf(bytes: Buffer): { mediaType: string; digest: ReturnType<typeof digestOf>; size: number } {
  return { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(bytes), size: bytes.length };
}

describe('readConfigPlatform', () => {
  it.each(HOSTILE_BYTES)('finds no platform in %s', async (_, bytes) => {
    expect(await readConfigPlatform(Readable.from([bytes]), descriptorOf(bytes))).toBeUndefined();
  });

  it.each(['{"os":1,"architecture":"amd64"}', '{"os":"linux"}', '{"os":"","architecture":""}', '{"os":["linux"],"architecture":{}}'])(
    'finds no platform in %s',
    async (text) => {
      const bytes = Buffer.from(text);
      expect(await readConfigPlatform(Readable.from([bytes]), descriptorOf(bytes))).toBeUndefined();
    },
  );

  it('refuses more bytes, fewer bytes and other bytes than the descriptor says', async () => {
    const bytes = Buffer.from('{"os":"linux","architecture":"amd64"}');
    const read = (sent: Buffer): Promise<string | undefined> =>
      codeOf(() => readConfigPlatform(Readable.from([sent]), descriptorOf(bytes)));
    expect(await read(bytes)).toBeUndefined();
    expect(await read(Buffer.concat([bytes, Buffer.alloc(1_000_000)]))).toBe('LIMIT_EXCEEDED');
    expect(await read(bytes.subarray(1))).toBe('DIGEST_MISMATCH');
    expect(await read(Buffer.alloc(bytes.length))).toBe('DIGEST_MISMATCH');
    expect(await read(Buffer.alloc(0))).toBe('DIGEST_MISMATCH');
  });
});
