import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { straysIn } from '../../src/builder/strays.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temporary = useTempDir();
const run = promisify(execFile);

const SEALED = ['platform.yaml', 'roles/node.yaml', 'components/web/component.yaml', 'components/web/etc/web.conf'];
const OTHERS = [
  ...['.env', '.env.local', 'ID_RSA', 'id_rsa', 'a file with blanks', 'ends with blank ', '#sharp', '!bang', 'b[1].txt', 'b1.txt'],
  ...['roles/node.yaml~', 'roles/.node.yaml.swp', 'components/web/build/a.o', 'components/web/build/b.o', 'build', 'notes/a.md'],
  ...['notes/deep/b.md', 'notes/deep/c.txt', 'foo/bar/baz', 'foo/qux', 'x/foo/bar', 'ünï/cödé', '...', '..two', 'back\\slash'],
];
const PATTERNS: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['names, kinds and comments', '# comment\n.env\n*~\n*.swp\n\n   \nID_RSA'],
  ['directories alone', 'build/\nnotes/\n'],
  ['a place', '/foo/bar\n/build\n'],
  ['any depth', '**/bar\nnotes/**\n'],
  ['one that is taken back', '*.md\n!b.md\nfoo/*\n!foo/qux\n'],
  ['one that cannot be taken back, since its directory is named', 'notes/\n!notes/a.md\n'],
  ['escapes', '\\#sharp\n\\!bang\nb\\[1\\].txt\nends\\ with\\ blank\\ \n'],
  ['classes', 'b[0-9].txt\n[A-Z]*\n?env\n'],
  ['lines of Windows and a byte order mark', '\uFEFF.env\r\n*~\r\n'],
  ['everything', '*\n'],
];

describe('strays', () => {
  it.each(PATTERNS)('are those that git calls untracked: %s', async (_name, patterns) => {
    const root = temporary();
    for (const path of [...SEALED, ...OTHERS]) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), '');
    }
    const git = async (...argv: string[]): Promise<string> => (await run('git', argv, { cwd: root })).stdout;
    await git('init', '--quiet');
    await git('add', '--', ...SEALED);
    await writeFile(join(root, '.caissonignore'), patterns);
    const arguments_ = [
      '--others',
      '--directory',
      '--no-empty-directory',
      '-z',
      '--exclude-from=.caissonignore',
      '--exclude=.caissonignore',
    ];
    const listed = (await git('ls-files', ...arguments_)).split('\0').filter((path) => path !== '');
    const ours = (await straysIn(root, new Set(SEALED))).map(({ path }) => path).filter((path) => path !== '.git/');
    expect(ours.toSorted()).toEqual(listed.toSorted());
  });
});
