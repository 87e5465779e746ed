import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompress } from '../../src/io/index.ts';
import { codeOf, HOSTILE_BYTES } from '../support/hostile-texts.ts';

const LIMIT = 1024 * 1024;
const GZIP = gzipSync('content\n'.repeat(100));

/** The first bytes of gzip, xz, zstd, bzip2, lz4 and lzma files. */
const MAGIC: readonly (readonly number[])[] = [
  [0x1f, 0x8b],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x42, 0x5a, 0x68, 0x39],
  [0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7],
  [0x5d, 0x00, 0x00, 0x80, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
];

function unpack(bytes: Uint8Array): Promise<string | undefined> {
  return codeOf(() => decompress(bytes, { limit: LIMIT, what: 'Packages.gz' }));
}

describe('decompress', () => {
  it.each(HOSTILE_BYTES)('refuses %s, with a right beginning too', async (_, bytes) => {
    expect(await unpack(bytes)).toBe('COMPRESSION_INVALID');
    for (const magic of MAGIC) {
      expect(['COMPRESSION_INVALID', 'LIMIT_EXCEEDED']).toContain(await unpack(Buffer.concat([Buffer.from(magic), bytes])));
    }
  });

  it('stops at the limit of what would fill the memory', async () => {
    const bomb = gzipSync(Buffer.alloc(256 * LIMIT));
    expect(bomb.length).toBeLessThan(LIMIT);
    expect(await unpack(bomb)).toBe('LIMIT_EXCEEDED');
  });

  it('refuses a file that is cut anywhere', async () => {
    for (let length = 0; length < GZIP.length; length += 1) expect(await unpack(GZIP.subarray(0, length))).toBe('COMPRESSION_INVALID');
  });
});
