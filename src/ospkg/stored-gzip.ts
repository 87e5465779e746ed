import { crc32 } from 'node:zlib';

/** Longest stored block of deflate (RFC 1951 section 3.2.4). */
const BLOCK = 65_535;

/**
 * A gzip file that holds its content uncompressed. Compressed output of zlib differs between its versions and CPUs;
 * stored blocks do not. An index of some hundred packages is small enough without compression.
 */
export function storedGzip(content: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])];
  for (let start = 0; start === 0 || start < content.byteLength; start += BLOCK) {
    const block = content.subarray(start, start + BLOCK);
    const header = Buffer.alloc(5);
    header.writeUInt8(start + BLOCK >= content.byteLength ? 1 : 0, 0);
    header.writeUInt16LE(block.byteLength, 1);
    header.writeUInt16LE(~block.byteLength & 0xffff, 3);
    parts.push(header, block);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.byteLength % 2 ** 32, 4);
  return Buffer.concat([...parts, trailer]);
}
