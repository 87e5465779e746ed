import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const TEST = resolve(import.meta.dirname, '..');
const SEEDED = join('support', 'fast-check.ts');

it('has every property draw its cases by the seed of test/support/fast-check.ts', () => {
  const files = readdirSync(TEST, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts') && path !== SEEDED);
  const direct = files.filter((path) => /^import .*'fast-check';$/m.test(readFileSync(join(TEST, path), 'utf8')));
  expect(direct).toEqual([]);
});
