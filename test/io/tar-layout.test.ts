import { describe, expect, it } from 'vitest';
import { layoutTar, readTarHeader, TAR_BLOCK, tarHeader, tarHeaderSize, type TarMember } from '../../src/io/index.ts';

const DATE = new Date('2026-01-02T03:04:05Z');
const GIB = 2 ** 30;

function member(path: string, size = 5, mode = 0o644): TarMember {
  return { path, size, mode };
}

const MEMBERS: readonly (readonly [string, TarMember, number])[] = [
  ['a short name', member('bundle.json'), TAR_BLOCK],
  ['a name of 99 bytes', member('n'.repeat(99)), TAR_BLOCK],
  ['a name of 100 bytes', member('n'.repeat(100)), 3 * TAR_BLOCK],
  ['a long name that splits at a slash', member(`${'d/'.repeat(60)}file`), TAR_BLOCK],
  ['the longest name that splits', member(`${'p'.repeat(155)}/${'n'.repeat(100)}`), TAR_BLOCK],
  ['a long name that does not split', member(`pool/${'n'.repeat(120)}`), 3 * TAR_BLOCK],
  ['a name so long that its pax record needs two blocks', member(`d/${'n'.repeat(600)}`), 4 * TAR_BLOCK],
  ['the largest ustar size', member('blob', 8 * GIB - 1), TAR_BLOCK],
  ['a size of 8 GiB', member('blob', 8 * GIB), 3 * TAR_BLOCK],
  ['a long name and a large size', member(`pool/${'n'.repeat(120)}`, 9 * GIB), 3 * TAR_BLOCK],
  ['an executable', member('caisson', 1, 0o755), TAR_BLOCK],
];

describe('tarHeader', () => {
  it.each(MEMBERS)('writes %s so that reading gives it back', (_, wanted, headerSize) => {
    const header = tarHeader(wanted, DATE);
    expect(header).toHaveLength(headerSize);
    expect(tarHeaderSize(wanted)).toBe(headerSize);
    expect(readTarHeader(header)).toEqual({
      ...wanted,
      type: 'File',
      linkPath: '',
      modified: DATE.getTime() / 1000,
      owner: '0:0',
      headerSize,
    });
  });

  it('gives the same bytes for the same member, and others for another date', () => {
    expect(tarHeader(member('a'), DATE)).toEqual(tarHeader(member('a'), new Date(DATE)));
    expect(tarHeader(member('a'), DATE)).not.toEqual(tarHeader(member('a'), new Date(0)));
  });
});

describe('layoutTar', () => {
  it('places data on blocks, one member after the other, and ends with two blocks', () => {
    const { members, size } = layoutTar([member('a', 0), member('b', 1), member('c', 512), member(`d/${'n'.repeat(120)}`, 513)]);
    expect(members.map(({ headerOffset, offset, end }) => [headerOffset, offset, end])).toEqual([
      [0, 512, 512],
      [512, 1024, 1536],
      [1536, 2048, 2560],
      [2560, 4096, 5120],
    ]);
    expect(size).toBe(6144);
  });

  it('is exact beyond 4 GiB', () => {
    const { members, size } = layoutTar([member('a', 40 * GIB + 1), member('b', 1)]);
    expect(members[1]?.offset).toBe(1536 + 40 * GIB + 512 + 512);
    expect(size).toBe(1536 + 40 * GIB + 512 + 512 + 512 + 1024);
  });
});

describe('readTarHeader', () => {
  const header = tarHeader(member('a'), DATE);

  it('tells the end, a cut and damage apart', () => {
    expect(readTarHeader(Buffer.alloc(512))).toBe('end');
    expect(readTarHeader(Buffer.alloc(511))).toBe('truncated');
    expect(readTarHeader(Buffer.alloc(512, 'x'))).toBe('damaged');
    expect(readTarHeader(tarHeader(member('n'.repeat(150)), DATE).subarray(0, 1024))).toBe('truncated');
  });

  it('sees every flipped bit by the checksum', () => {
    for (let bit = 0; bit < 8 * 512; bit += 1) {
      const damaged = Buffer.from(header);
      damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const reading = readTarHeader(damaged);
      // The digits of the checksum may change in a way that means the same number; the bytes then still differ.
      if (typeof reading !== 'string') expect(bit >> 3).toBeGreaterThanOrEqual(148);
      expect(damaged.equals(header)).toBe(false);
    }
  });

  it('has no size for a negative one', () => {
    const negative = tarHeader(member('blob', 9 * GIB), DATE).subarray(1024);
    negative.writeUInt8(0xff, 124);
    negative.fill(0xff, 125, 136);
    const sum = negative.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
    negative.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect(readTarHeader(negative)).toMatchObject({ path: 'blob', size: undefined });
  });

  it('refuses a pax header of unreasonable size', () => {
    const pax = tarHeader(member('n'.repeat(150)), DATE);
    pax.write('00070000000 ', 124, 'latin1');
    const sum = pax.subarray(0, 512).reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
    pax.write(`${sum.toString(8).padStart(6, '0')} \0`, 148, 'latin1');
    expect(readTarHeader(pax)).toBe('damaged');
  });
});
