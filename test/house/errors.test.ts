import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, EXIT_STATUSES } from '../../src/core/index.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CODES = Object.keys(ERROR_CODES);
const PAGE = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
const DOCUMENTED = [...PAGE.matchAll(/^- \*\*([A-Z_]+)\*\*: (.+)$/gm)].map((match) => match[1] ?? '');

function textsUnder(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}

describe('the catalogue of errors', () => {
  it('has every code explained in docs/errors.md, in alphabetical order, and explains no other', () => {
    expect(DOCUMENTED).toEqual([...CODES].sort());
  });

  it('has the exit statuses of the table in docs/errors.md, each with its meaning', () => {
    const rows = [...PAGE.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, status = '', meaning = '']) => [status, meaning]);
    expect(rows).toEqual(Object.entries(EXIT_STATUSES));
  });

  it('has only codes that the source raises', () => {
    const source = textsUnder('src').join('\n');
    expect(CODES.filter((code) => !source.includes(`'${code}'`))).toEqual([]);
  });

  it('has every code named in some test', () => {
    const tests = textsUnder('test').join('\n');
    expect(CODES.filter((code) => !new RegExp(`\\b${code}\\b`).test(tests))).toEqual([]);
  });
});
