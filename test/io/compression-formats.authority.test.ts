import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { decompress } from '../../src/io/compression.ts';

const TEXT = Buffer.concat([
  Buffer.from('Package: app\nDescription: Zürich, the same again and again\n\n'.repeat(6000)),
  Buffer.from(Uint8Array.from({ length: 300_000 }, (_, index) => (index * index * 31 + (index >> 7)) % 251)),
]);
const LIMIT = TEXT.byteLength;

function packed(program: string, args: readonly string[], input: Buffer): Buffer {
  return execFileSync(program, args, { input, maxBuffer: 1 << 26, stdio: ['pipe', 'pipe', 'ignore'] });
}

describe('what the programs write is read to the same bytes', () => {
  it.each([
    ['gzip', '-9'],
    ['xz', '-6'],
    ['xz', '-9e'],
    ['bzip2', '-9'],
    ['bzip2', '-1'],
    ['zstd', '-3'],
    ['zstd', '-19'],
    ['zstd', '--fast'],
    ['lz4', '-1'],
    ['lz4', '-9'],
    ['lz4', '-B4', '-BD', '-BX', '--content-size'],
    ['lz4', '-B7', '--no-frame-crc'],
    ['xz', '--format=lzma', '-6'],
    ['xz', '--format=lzma', '-0'],
  ])('%s %s %s', async (program, ...options) => {
    const args = [...options.filter((option) => option !== undefined), '-c'];
    const bytes = packed(program, args, TEXT);
    const what = `${program} file`;
    expect((await decompress(bytes, { limit: LIMIT, what })).equals(TEXT)).toBe(true);
    await expect(decompress(bytes, { limit: LIMIT - 1, what })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    for (const length of [bytes.byteLength >> 1, bytes.byteLength >> 3, 20]) {
      const short = decompress(bytes.subarray(0, length), { limit: LIMIT, what });
      await expect(short).rejects.toMatchObject({ code: expect.stringMatching(/COMPRESSION_INVALID|LIMIT_EXCEEDED/) });
    }
    if (!args.includes('--format=lzma')) {
      const twice = Buffer.concat([bytes, packed(program, args, Buffer.from('and more'))]);
      expect((await decompress(twice, { limit: LIMIT + 8, what })).equals(Buffer.concat([TEXT, Buffer.from('and more')]))).toBe(true);
    }
  });
});
