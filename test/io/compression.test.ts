import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompress, decompressChunks } from '../../src/io/compression.ts';

const TEXT = 'The same line again and again.\n'.repeat(5000);

/** Made by `printf 'hello, xz\n' | xz -9 --check=crc64`, and the same with `xz -0 --check=crc32` for "second\n". */
const XZ = Buffer.from('/Td6WFoAAATm1rRGAgAhARwAAAAQz1jMAQAJaGVsbG8sIHh6CgAAAOsStov8cd8oAAEiChUa4WcftvN9AQAAAAAEWVo=', 'base64');
const SECOND_XZ = Buffer.from('/Td6WFoAAAFpIt42AgAhAQwAAACPmEGcAQAGc2Vjb25kCgAAfsAPBgABGwcS69QXkEKZDQEAAAAAAVla', 'base64');

const OPTIONS = { limit: 1 << 20, what: 'test data' };

describe('decompress', () => {
  it('reads gzip', async () => {
    expect((await decompress(gzipSync(TEXT), OPTIONS)).toString()).toBe(TEXT);
  });

  it('reads xz', async () => {
    expect((await decompress(XZ, OPTIONS)).toString()).toBe('hello, xz\n');
  });

  it.each([
    ['gzip', Buffer.concat([gzipSync('one '), gzipSync('two')]), 'one two'],
    ['xz', Buffer.concat([XZ, SECOND_XZ]), 'hello, xz\nsecond\n'],
  ])('reads %s members that follow each other', async (_, bytes, content) => {
    expect((await decompress(bytes, OPTIONS)).toString()).toBe(content);
  });

  it('reads several xz files at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, async () => await decompress(XZ, OPTIONS)));
    expect(all.map(String)).toEqual(Array.from({ length: 8 }, () => 'hello, xz\n'));
  });

  it.each([
    ['gzip', gzipSync(TEXT)],
    ['xz', XZ],
  ])('refuses %s that is cut short or changed, and reads the next file all the same', async (_, bytes) => {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bytes.byteLength - 6) ^ 0xff, bytes.byteLength - 6);
    await expect(decompress(bytes.subarray(0, -4), OPTIONS)).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' });
    await expect(decompress(bytes.subarray(0, 12), OPTIONS)).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' });
    await expect(decompress(changed, OPTIONS)).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' });
    expect((await decompress(bytes, OPTIONS)).byteLength).toBeGreaterThan(0);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('Package: x\n')],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0])],
  ])('refuses %s, naming the file', async (_, bytes) => {
    await expect(decompress(bytes, OPTIONS)).rejects.toMatchObject({
      code: 'COMPRESSION_INVALID',
      message: expect.stringContaining('"test data"'),
    });
  });

  it('gives exactly as much as the limit and refuses one byte more', async () => {
    const bomb = gzipSync(Buffer.alloc(1 << 20));
    expect((await decompress(bomb, OPTIONS)).byteLength).toBe(1 << 20);
    await expect(decompress(bomb, { ...OPTIONS, limit: (1 << 20) - 1 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await expect(decompress(XZ, { ...OPTIONS, limit: 3 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect((await decompress(XZ, OPTIONS)).toString()).toBe('hello, xz\n');
  });

  it('stops when told to', async () => {
    const abort = new AbortController();
    const chunks = decompressChunks(gzipSync(Buffer.alloc(1 << 20)), { ...OPTIONS, signal: abort.signal });
    await chunks.next();
    abort.abort(new Error('stop'));
    await expect(chunks.next()).rejects.toThrow('stop');
  });
});
