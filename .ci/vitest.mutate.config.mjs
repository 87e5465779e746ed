import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const authority = process.env.MUTATE_AUTHORITY === '1' ? [] : ['test/**/*.authority.test.ts'];

/** The tests that .ci/mutate.mjs runs against its mutants. */
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, '..'),
    include: JSON.parse(process.env.MUTATE_TESTS ?? '[]'),
    exclude: ['test/{house,e2e,lab}/**', ...authority],
    testTimeout: 30_000,
  },
});
