import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDERS = ['docs', 'docs/adr', 'bench', 'test/lab', 'test/vectors', 'bundles'];
const DOCUMENTS = [
  join(ROOT, 'README.md'),
  ...FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(ROOT, folder, name)),
  ),
];
/** Paths of ours as prose writes them: inside backticks, beginning with a folder of the top level. */
const PATHS = /`((?:src|test|docs|bench|\.ci)\/[A-Za-z0-9._/-]+)`/g;
const LINKS = /\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g;

describe.each(DOCUMENTS.map((path) => relative(ROOT, path)))('%s', (name) => {
  const path = join(ROOT, name);
  const text = readFileSync(path, 'utf8');

  it('links only to what exists', () => {
    const links = [...text.matchAll(LINKS)].map((match) => match[1] ?? '');
    expect(links.filter((link) => !existsSync(resolve(dirname(path), link)))).toEqual([]);
  });

  it('names only paths that exist', () => {
    const named = [...text.matchAll(PATHS)].map((match) => match[1] ?? '');
    expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});

describe('README.md', () => {
  it('names only scripts that package.json has', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    // Our own file, checked by npm itself.
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });
});
