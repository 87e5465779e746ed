import { describe, expect, it } from 'vitest';
import { readTarHeader, roundToBlock, tarHeader } from '../../src/io/index.ts';
import { HOSTILE_BYTES } from '../support/hostile-texts.ts';

/** The fields of a ustar header (POSIX.1-1988) without the checksum: where they begin, and how long they are. */
const FIELDS = [
  ['name', 0, 100],
  ['mode', 100, 8],
  ['uid', 108, 8],
  ['gid', 116, 8],
  ['size', 124, 12],
  ['mtime', 136, 12],
  ['typeflag', 156, 1],
  ['linkname', 157, 100],
  ['magic', 257, 6],
  ['version', 263, 2],
  ['uname', 265, 32],
  ['gname', 297, 32],
  ['devmajor', 329, 8],
  ['devminor', 337, 8],
  ['prefix', 345, 155],
] as const;

const VALUES = [
  '',
  '\xff',
  '\x80',
  '\x80\0\0\0\xff',
  '7',
  '9',
  '-1',
  '-',
  '+7',
  '0x10',
  '1e9',
  ' ',
  '\0',
  '\n',
  '../',
  '/',
  'é',
  '1.5',
  'NaN',
  '__proto__',
];

/** A header block whose checksum is right. */
function summed(block: Buffer): Buffer {
  block.fill(' ', 148, 156);
  const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function withPax(body: Buffer): Buffer {
  const header = tarHeader({ path: 'PaxHeader/x', size: body.length, mode: 0o644 }, new Date(0));
  header.write('x', 156);
  const padded = Buffer.alloc(roundToBlock(body.length));
  body.copy(padded);
  return Buffer.concat([summed(header), padded, tarHeader({ path: 'x', size: 1, mode: 0o644 }, new Date(0))]);
}

function expectOrderly(bytes: Buffer): void {
  const reading = readTarHeader(bytes);
  if (typeof reading === 'string') return;
  expect(reading.size === undefined || (Number.isSafeInteger(reading.size) && reading.size >= 0)).toBe(true);
  expect(typeof reading.path).toBe('string');
  expect(reading.headerSize % 512).toBe(0);
}

describe('readTarHeader', () => {
  it.each(FIELDS)('gives a header or says that there is none, whatever stands in the field %s', (_, start, length) => {
    for (const value of VALUES) {
      for (const filled of [false, true]) {
        const block = tarHeader({ path: 'dir/file', size: 5, mode: 0o644 }, new Date(0));
        block.fill(0, start, start + length);
        if (filled && value !== '') block.fill(Buffer.from(value, 'latin1'), start, start + length);
        else block.write(value.slice(0, length), start, 'latin1');
        expectOrderly(summed(block));
      }
    }
  });

  it.each(HOSTILE_BYTES)('gives a header or says that there is none for a pax header of %s', (_, bytes) => {
    expectOrderly(withPax(bytes.subarray(0, 60_000)));
    expectOrderly(bytes.subarray(0, 4096));
  });

  it.each([
    '12 path=../x\n',
    '0 path=x\n',
    '-5 path=x\n',
    '99999999999999999999 path=x\n',
    '11 path=x\n11 path=y\n',
    '9 path=x',
    '=\n',
    '20 size=9007199254740993\n',
    '14 size=1e999\n',
    '11 size=-1\n',
    '12 size=0.5\n',
    '12 size=NaN\n',
    '16 __proto__=x\n',
    '19 linkpath=/etc/x\n',
    '20 mtime=1e999999999\n',
  ])('has no number that is none for the pax header %j', (body) => {
    expectOrderly(withPax(Buffer.from(body)));
  });

  it('says of a header that is cut anywhere that it is cut, or that it is none', () => {
    const bytes = withPax(Buffer.from('10 path=y\n'));
    for (let length = 0; length < bytes.length; length += 1)
      expect(readTarHeader(bytes.subarray(0, length))).toMatch(/^(truncated|damaged)$/);
  });
});
