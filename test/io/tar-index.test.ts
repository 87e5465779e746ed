import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { indexTar, SharedFile, type TarIndex } from '../../src/io/index.ts';
import { tarOf, type ArchiveMember } from '../support/image-archives.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

async function indexOf(bytes: Buffer): Promise<TarIndex> {
  const path = join(directory(), 'images.tar');
  await writeFile(path, bytes);
  const file = await SharedFile.open(path);
  try {
    return await indexTar(file);
  } finally {
    await file.close();
  }
}

describe('indexTar', () => {
  it('finds files by their paths, whatever way they are written, and reads over directories and devices', async () => {
    const index = await indexOf(
      tarOf([
        { path: './', type: 'Directory' },
        { path: './a/', type: 'Directory' },
        { path: './a/one', content: 'one' },
        { path: 'two', content: 'x'.repeat(600) },
        { path: 'pipe', type: 'FIFO' },
      ]),
    );
    expect(index.paths).toEqual(['a/one', 'two']);
    expect(index.find('a/one')).toEqual({ path: 'a/one', offset: 3 * 512, size: 3 });
    expect(index.find('./a//one')).toEqual(index.find('a/one'));
    expect(index.find('two')).toMatchObject({ offset: 5 * 512, size: 600 });
    expect(index.find('pipe')).toBeUndefined();
    expect(index.find('none')).toBeUndefined();
  });

  it('follows symbolic and hard links inside the archive, also those of directories', async () => {
    const index = await indexOf(
      tarOf([
        { path: 'a/layer.tar', content: 'layer' },
        { path: 'b/layer.tar', link: '../a/layer.tar' },
        { path: 'c/layer.tar', link: 'a/layer.tar', type: 'Link' },
        { path: 'd', link: 'b' },
      ]),
    );
    for (const path of ['b/layer.tar', 'c/layer.tar', 'd/layer.tar']) expect(index.find(path)?.path).toBe('a/layer.tar');
  });

  it('reads GNU names of more than 100 bytes', async () => {
    const long = `${'directory/'.repeat(15)}file`;
    const bytes = tarOf([
      { path: '././@LongLink', content: `${long}\0` },
      { path: long.slice(0, 99), content: 'content' },
    ]);
    // The type "L" of GNU tar, with the checksum that it gives.
    bytes.write('L', 156);
    let sum = 0;
    for (let at = 0; at < 512; at += 1) sum += at >= 148 && at < 156 ? 32 : (bytes[at] ?? 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    expect((await indexOf(bytes)).find(long)).toMatchObject({ size: 7 });
  });

  const refused: readonly (readonly [string, readonly ArchiveMember[], string])[] = [
    ['a name that leads out', [{ path: '../evil', content: 'x' }], '"../evil" leads out of it'],
    ['a name that leads out from within', [{ path: 'a/../../evil', content: 'x' }], 'leads out of it'],
    ['an absolute name', [{ path: '/etc/passwd', content: 'x' }], 'is absolute'],
    ['a name with a control character', [{ path: 'a\nb', content: 'x' }], '"a?b" has a control character'],
    ['a link that leads out', [{ path: 'layer.tar', link: '../../etc/passwd' }], 'leads out of it, to "../../etc/passwd"'],
    ['a link to an absolute path', [{ path: 'layer.tar', link: '/etc/passwd' }], 'leads out of it'],
    ['a hard link that leads out', [{ path: 'a/layer.tar', link: '../x', type: 'Link' }], 'leads out of it'],
    [
      'a member that is there twice',
      [
        { path: 'a', content: '1' },
        { path: './a', content: '2' },
      ],
      'has the member "a" twice',
    ],
    [
      'a member and a link of one name',
      [
        { path: 'a', content: '1' },
        { path: 'a', link: 'b' },
      ],
      'has the member "a" twice',
    ],
    ['a size beyond the end', [{ path: 'a', content: 'x', size: 1_000_000 }], '"a" should have 1000000 bytes, and the file ends at'],
    ['a size beyond all files', [{ path: 'a', content: 'x', size: 2 ** 50 }], 'cut short'],
  ];
  it.each(refused)('refuses %s', async (_, members, reason) => {
    await expect(indexOf(tarOf(members))).rejects.toMatchObject({ code: 'ARCHIVE_INVALID', message: expect.stringContaining(reason) });
  });

  it('refuses links in circles when they are asked for', async () => {
    const index = await indexOf(
      tarOf([
        { path: 'a', link: 'b' },
        { path: 'b', link: 'a' },
        { path: 'c', link: 'c/c' },
      ]),
    );
    expect(() => index.find('a')).toThrow('go in circles');
    expect(() => index.find('c/d')).toThrow('go in circles');
  });

  it('refuses a file that is no archive, and one that is empty', async () => {
    await expect(indexOf(Buffer.from('not a tar archive '.repeat(100)))).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    await expect(indexOf(Buffer.alloc(0))).rejects.toMatchObject({ message: expect.stringContaining('cut short') });
  });

  it('refuses an archive that was cut anywhere before its end', async () => {
    const whole = tarOf([
      { path: 'a', content: 'x'.repeat(700) },
      { path: 'b', link: 'a' },
      { path: 'c', content: 'y' },
    ]);
    const boundaries = Array.from({ length: whole.byteLength / 512 - 1 }, (_, block) => block * 512);
    const cuts = boundaries.flatMap((at) => [at, at + 1, at + 511]).filter((at) => at < whole.byteLength - 512);
    expect(cuts.length).toBeGreaterThan(15);
    for (const at of cuts) await expect(indexOf(whole.subarray(0, at)), `cut at ${at}`).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    expect((await indexOf(whole)).paths).toEqual(['a', 'c']);
  });
});
