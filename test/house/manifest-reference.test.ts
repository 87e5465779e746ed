import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifestReference } from '../../src/cluster/index.ts';

const PATH = resolve(import.meta.dirname, '../../docs/manifest-reference.md');

describe('docs/manifest-reference.md', () => {
  it('is current; else run: npm run schemas', () => {
    const text = manifestReference();
    if (process.env['UPDATE_SCHEMAS'] === '1') writeFileSync(PATH, text);
    expect(readFileSync(PATH, 'utf8')).toBe(text);
  });

  it('describes every key', () => {
    const rows = manifestReference()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.filter((row) => / \| +\|$/.test(row))).toEqual([]);
  });
});
