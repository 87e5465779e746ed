import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { straysIn, strayWarnings } from '../../src/builder/strays.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temporary = useTempDir();

async function write(...paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    await mkdir(dirname(join(temporary(), path)), { recursive: true });
    await writeFile(join(temporary(), path), 'twelve bytes');
  }
  return temporary();
}

async function paths(root: string, ...sealed: readonly string[]): Promise<string[]> {
  return (await straysIn(root, new Set(sealed))).map(({ path }) => path);
}

describe('straysIn', () => {
  it('finds every kind of file that nobody refers to', async () => {
    const root = await write('platform.yaml', 'roles/node.yaml', '.env', 'id_rsa', 'roles/node.yaml~', 'roles/.node.yaml.swp', 'photo.png');
    await symlink('/etc', join(root, 'link'));
    expect(await paths(root, 'platform.yaml', 'roles/node.yaml')).toEqual([
      '.env',
      'id_rsa',
      'link',
      'photo.png',
      'roles/.node.yaml.swp',
      'roles/node.yaml~',
    ]);
  });

  it('names a directory without a sealed file as one, with the number and the size of its files', async () => {
    const root = await write('platform.yaml', '.git/config', '.git/objects/ab/cd', 'components/web/web.conf');
    await mkdir(join(root, 'empty/deeper'), { recursive: true });
    expect(await straysIn(root, new Set(['platform.yaml']))).toEqual([
      { path: '.git/', files: 2, size: 24 },
      { path: 'components/', files: 1, size: 12 },
    ]);
  });

  it('leaves out .caissonignore and what it names, and takes nothing away from what is sealed', async () => {
    const root = await write('platform.yaml', '.git/config', 'notes/a.md', 'notes/b.md', 'x.swp', 'X.SWP');
    await writeFile(join(root, '.caissonignore'), '# ours\r\n.git/\r\n*.swp\r\nnotes/*\r\n!notes/b.md\r\nplatform.yaml\r\n');
    expect(await paths(root, 'platform.yaml')).toEqual(['X.SWP', 'notes/']);
    expect((await straysIn(root, new Set(['platform.yaml']))).at(-1)?.files).toBe(1);
  });

  it.skipIf(process.getuid?.() === 0)('counts a directory that cannot be read as one file', async () => {
    const root = await write('platform.yaml', 'private/key');
    await chmod(join(root, 'private'), 0o000);
    const found = await straysIn(root, new Set(['platform.yaml']));
    await chmod(join(root, 'private'), 0o700);
    expect(found).toMatchObject([{ path: 'private/', files: 1 }]);
  });

  it('does not take a link in the place of a directory with sealed files for a stray', async () => {
    const root = await write('shared/node.yaml');
    await symlink('shared', join(root, 'roles'));
    expect(await paths(root, 'roles/node.yaml')).toEqual(['shared/']);
  });
});

describe('strayWarnings', () => {
  it('names the first five and adds up the others', async () => {
    const root = await write(...['a', 'b', 'c', 'd/1', 'd/2', 'e', 'f', 'g/1', 'g/2']);
    const hint = `Refer to it from a document, or name it in ${root}/.caissonignore if it is meant to stay out`;
    expect(await strayWarnings(root, new Set())).toEqual(
      [
        ...['a', 'b', 'c'].map((name) => `"${root}/${name}" (12 B) is not in the bundle: no document refers to it`),
        `"${root}/d/" (2 files, 24 B) is not in the bundle: no document refers to it`,
        `"${root}/e" (12 B) is not in the bundle: no document refers to it`,
        `2 more below "${root}" (3 files, 36 B) are not in the bundle`,
      ].map((message) => ({ type: 'warning', message, hint })),
    );
  });

  it('refuses a .caissonignore that is a directory', async () => {
    const root = await write('.caissonignore/x');
    await expect(strayWarnings(root, new Set())).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
