import { describe, expect, it } from 'vitest';
import { describeBeginning } from '../../../src/bundle/format/beginning.ts';
import { tarHeader } from '../../../src/io/index.ts';

describe('describeBeginning', () => {
  it.each<readonly [string, Buffer | string, string]>([
    ['no bytes', '', 'nothing: it is empty'],
    ['zeros', Buffer.alloc(512), 'zeros'],
    ['gzip data', Buffer.from([0x1f, 0x8b, 8, 0]), 'gzip data'],
    ['zstd data', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 4]), 'zstd data'],
    ['xz data', Buffer.from('\xfd7zXZ\0\0', 'latin1'), 'xz data'],
    ['bzip2 data', 'BZh91AY', 'bzip2 data'],
    ['a zip archive', 'PK\x03\x04\x14', 'a zip archive'],
    ['a program', '\x7fELF\x02', 'an executable'],
    ['a signature', '-----BEGIN SSH SIGNATURE-----\n', 'a key, a certificate or a signature in text form'],
    ['long text', '<html>\n\n<head>  <title>No such page</title>', 'the text "<html> <head> <title>No "'],
    ['four letters before other bytes', Buffer.from('abcd\0\xff', 'latin1'), 'the text "abcd"'],
    ['three letters before other bytes', Buffer.from('abc\0\xff\x01\x02\x03\x04', 'latin1'), 'the bytes 61 62 63 00 ff 01 02 03'],
    ['two letters, and no more', 'ab', 'the text "ab"'],
    ['a few bytes', Buffer.from([1, 2, 255]), 'the bytes 01 02 ff'],
  ])('knows %s', (_, bytes, words) => {
    expect(describeBeginning(Buffer.from(bytes))).toBe(words);
  });

  it('names the member of another archive', () => {
    const header = tarHeader({ path: 'etc/passwd', size: 0, mode: 0o644 }, new Date(0));
    expect(describeBeginning(header)).toBe('the member "etc/passwd" of a tar archive');
  });
});
