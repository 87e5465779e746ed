import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryTree, type FileTree } from '../../src/io/index.ts';

let root: string;
let tree: FileTree;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'caisson-tree-'));
  await mkdir(join(root, 'inside/b'), { recursive: true });
  await writeFile(join(root, 'inside/a.txt'), '0123456789');
  await writeFile(join(root, 'secret.txt'), 'secret');
  tree = directoryTree(join(root, 'inside'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe('directoryTree', () => {
  it('lists names sorted, directories with a slash', async () => {
    expect(await tree.list('')).toEqual(['a.txt', 'b/']);
    expect(await tree.list('missing')).toEqual([]);
  });

  it('knows the size of files and nothing of directories', async () => {
    expect((await tree.stat('a.txt'))?.size).toBe(10);
    expect(await tree.stat('b')).toBeUndefined();
    expect(await tree.stat('a.txt/x')).toBeUndefined();
  });

  it.each([
    [undefined, '0123456789'],
    [{ start: 2, end: 5 }, '234'],
    [{ start: 4, end: 4 }, ''],
  ])('opens the range %o', async (range, content) => {
    expect(await text(await tree.open('a.txt', range))).toBe(content);
  });

  it.each(['../secret.txt', '/etc/passwd', 'b/../../secret.txt'])('refuses to leave for %s', async (path) => {
    await expect((async () => tree.open(path))()).rejects.toMatchObject({ code: 'PATH_UNSAFE' });
  });

  it('says which file is missing', async () => {
    await expect(tree.open('missing')).rejects.toThrow(/Cannot open "missing" in/);
  });
});
