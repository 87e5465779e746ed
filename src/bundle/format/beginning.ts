import { readTarHeader } from '../../io/index.ts';

/** Beginnings of files that are taken for bundles, with words for them. */
const KNOWN: readonly (readonly [string, string])[] = [
  ['\x1f\x8b', 'gzip data'],
  ['\x28\xb5\x2f\xfd', 'zstd data'],
  ['\xfd7zXZ\0', 'xz data'],
  ['BZh', 'bzip2 data'],
  ['PK\x03\x04', 'a zip archive'],
  ['\x7fELF', 'an executable'],
  ['-----BEGIN ', 'a key, a certificate or a signature in text form'],
];

/** Characters of text that are shown. */
const TEXT_SHOWN = 24;

/** Words for the first block of a file that should begin with a tar member: a format, a member, text, or bytes. */
export function describeBeginning(block: Uint8Array): string {
  const bytes = Buffer.from(block);
  if (bytes.byteLength === 0) return 'nothing: it is empty';
  const header = readTarHeader(bytes);
  if (typeof header !== 'string') return `the member "${header.path}" of a tar archive`;
  if (bytes.every((byte) => byte === 0)) return 'zeros';
  const start = bytes.toString('latin1');
  const known = KNOWN.find(([magic]) => start.startsWith(magic))?.[1];
  if (known !== undefined) return known;
  const text = (/^[\x20-\x7e\t\r\n]+/.exec(start)?.[0] ?? '').replaceAll(/\s+/g, ' ');
  if (text.length >= Math.min(4, bytes.byteLength)) return `the text "${text.slice(0, TEXT_SHOWN)}"`;
  return `the bytes ${[...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
}
