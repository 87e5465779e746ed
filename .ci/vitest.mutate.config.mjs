import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The unit tests that .ci/mutate.mjs runs against its mutants. */
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, '..'),
    include: JSON.parse(process.env.MUTATE_TESTS ?? '[]'),
    exclude: ['test/{house,e2e,lab}/**', 'test/**/*.authority.test.ts'],
    testTimeout: 30_000,
  },
});
