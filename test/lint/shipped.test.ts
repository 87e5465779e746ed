import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryTree } from '../../src/io/index.ts';
import { describeFinding, lintPlatform } from '../../src/lint/index.ts';
import { loadDocuments } from '../../src/manifests/index.ts';
import { parseImageList } from '../../src/sources/index.ts';

const ROOT = resolve(import.meta.dirname, '../..');

describe('the shipped platform', () => {
  it('has no mistake and no warning', async () => {
    const read = await loadDocuments(directoryTree(resolve(ROOT, 'manifests')));
    const images = parseImageList(readFileSync(resolve(ROOT, 'images.txt')), 'images.txt');
    const report = lintPlatform({
      ...read,
      images: images.map(({ name, line }) => ({ name, line, file: 'images.txt' })),
      lists: ['images.txt'],
      files: [],
      fileLists: [],
    });
    expect(report.findings.map(describeFinding)).toEqual([]);
  });
});
