import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDERS = ['docs', 'docs/adr', 'bench', 'test/lab', 'test/vectors', 'bundles'];
const DOCUMENTS = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md'].map((name) => join(ROOT, name)),
  ...FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(ROOT, folder, name)),
  ),
];
/** Paths of ours as prose writes them: inside backticks, beginning with a folder of the top level. */
const PATHS = /`((?:src|test|docs|bench|\.ci)\/[A-Za-z0-9._/-]+)`/g;
const LINKS = /\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g;
const ANCHORS = /\]\((?!https?:)([^)#]*)#([^)]+)\)/g;

/** The names that GitHub gives to the headings of a page. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe.each(DOCUMENTS.map((path) => relative(ROOT, path)))('%s', (name) => {
  const path = join(ROOT, name);
  const text = readFileSync(path, 'utf8');

  it('links only to what exists', () => {
    const links = [...text.matchAll(LINKS)].map((match) => match[1] ?? '');
    expect(links.filter((link) => !existsSync(resolve(dirname(path), link)))).toEqual([]);
  });

  it('links only to headings that exist', () => {
    const missing = [...text.matchAll(ANCHORS)].filter(([, page = '', anchor = '']) => {
      const target = page === '' ? path : resolve(dirname(path), page);
      return target.endsWith('.md') && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
    });
    expect(missing.map(([link]) => link)).toEqual([]);
  });

  it('names only paths that exist', () => {
    const named = [...text.matchAll(PATHS)].map((match) => match[1] ?? '');
    expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});

describe.each(['README.md', 'CONTRIBUTING.md', 'docs/manifest-reference.md'])('%s', (name) => {
  it('names only scripts that package.json has', () => {
    const page = readFileSync(join(ROOT, name), 'utf8');
    // Our own file, checked by npm itself.
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const named = [...page.matchAll(/npm run ([a-z0-9:-]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });
});
